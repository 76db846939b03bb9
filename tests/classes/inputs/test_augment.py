"""Images are moved in training only, each by a map of its own, the same with the same seed."""

import torch

from growlabels.classes.inputs.augment import RandomAffine


def test_evaluation_and_strength_0_leave_images_as_they_are() -> None:
    images = torch.rand(3, 1, 8, 8)
    assert RandomAffine(0.0)(images) is images
    assert RandomAffine(0.3).eval()(images) is images


def test_each_image_moves_in_its_own_way_by_the_seed() -> None:
    images = torch.rand(1, 2, 8, 8).expand(3, -1, -1, -1)
    torch.manual_seed(0)
    found = RandomAffine(0.2)(images)
    torch.manual_seed(0)
    assert torch.equal(found, RandomAffine(0.2)(images))
    assert not torch.allclose(found[0], found[1])
    assert found.shape == images.shape


def test_a_constant_image_stays_constant() -> None:
    images = torch.full((4, 1, 8, 8), 0.25)
    torch.testing.assert_close(RandomAffine(0.3)(images), images)
