import pytest

from growlabels.classes import Codebook, coherence_bound


@pytest.mark.parametrize("dim", [4, 16, 64, 256])
def test_kerdock_is_optimal(dim: int) -> None:
    codebook = Codebook.for_classes(dim * (dim // 2 + 1), dim)
    certificate = codebook.certificate()
    assert certificate.proved
    assert certificate.alpha == dim**-0.5
    assert certificate.alpha == pytest.approx(certificate.levenshtein, rel=1e-14)


@pytest.mark.parametrize(
    ("capacity", "dim"), [(1, 5), (5, 5), (6, 5), (7, 5), (10, 5), (17, 16), (144, 16), (500, 64)]
)
def test_no_certificate_is_below_a_bound(capacity: int, dim: int) -> None:
    certificate = Codebook.for_classes(capacity, dim).certificate()
    assert certificate.alpha >= coherence_bound(capacity, dim) - 1e-15
    assert certificate.signed >= certificate.rankin


def test_the_count_decides() -> None:
    codebook = Codebook.for_classes(150)
    assert codebook.certificate().alpha == 0
    assert codebook.certificate(256).alpha == 0
    assert codebook.certificate(257).alpha == 1 / 16


def test_one_vector_has_no_pair() -> None:
    certificate = Codebook.for_classes(1, 3).certificate()
    assert (certificate.alpha, certificate.signed, certificate.rankin) == (0, -1, -1)


def test_text_names_figures_and_bounds() -> None:
    text = str(Codebook.for_classes(2112, 64).certificate())
    assert "kerdock, 2,112 unit vectors in 64 dimensions" in text
    assert (
        "0.125000  (proved; lower bounds for any set: Welch 0.123121, Levenshtein 0.125000)" in text
    )
    assert "does not apply" in str(Codebook.for_classes(3, 4).certificate())
