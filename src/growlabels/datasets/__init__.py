"""Loaders: data that installed packages carry, and checksummed downloads.

Nothing is downloaded unless :func:`download` is called with a name. The environment variable
``GROWLABELS_DATA`` names a folder with a mirror of the published sets, ``GROWLABELS_CACHE`` one
for downloads and for what was worked out here.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from ._clinc150 import Clinc150 as Clinc150
    from ._clinc150 import load_clinc150 as load_clinc150
    from ._jailbreak import JailbreakMixture as JailbreakMixture
    from ._jailbreak import TextRow as TextRow
    from ._jailbreak import load_jailbreak_mixture as load_jailbreak_mixture
    from ._language_names import LanguageNames as LanguageNames
    from ._language_names import load_language_names as load_language_names
    from ._mirror import download as download
    from ._mirror import locate as locate
    from ._mirror import published_names as published_names
    from ._multilabel import MultiLabelData as MultiLabelData
    from ._multilabel import load_arff as load_arff
    from ._multilabel import load_multilabel as load_multilabel
    from ._multilabel import multilabel_names as multilabel_names
    from ._omniglot import Omniglot as Omniglot
    from ._omniglot import load_omniglot_small as load_omniglot_small
    from ._risky_calls import CodeRow as CodeRow
    from ._risky_calls import RiskyCalls as RiskyCalls
    from ._risky_calls import load_risky_calls as load_risky_calls
    from ._winobias import WinoBiasPair as WinoBiasPair
    from ._winobias import load_winobias as load_winobias
    from ._yeast import load_yeast as load_yeast

__all__ = [
    "Clinc150",
    "CodeRow",
    "JailbreakMixture",
    "LanguageNames",
    "MultiLabelData",
    "Omniglot",
    "RiskyCalls",
    "TextRow",
    "WinoBiasPair",
    "download",
    "load_arff",
    "load_clinc150",
    "load_jailbreak_mixture",
    "load_language_names",
    "load_multilabel",
    "load_omniglot_small",
    "load_risky_calls",
    "load_winobias",
    "load_yeast",
    "locate",
    "multilabel_names",
    "published_names",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Clinc150": "_clinc150",
        "CodeRow": "_risky_calls",
        "JailbreakMixture": "_jailbreak",
        "LanguageNames": "_language_names",
        "MultiLabelData": "_multilabel",
        "Omniglot": "_omniglot",
        "RiskyCalls": "_risky_calls",
        "TextRow": "_jailbreak",
        "WinoBiasPair": "_winobias",
        "download": "_mirror",
        "load_arff": "_multilabel",
        "load_clinc150": "_clinc150",
        "load_jailbreak_mixture": "_jailbreak",
        "load_language_names": "_language_names",
        "load_multilabel": "_multilabel",
        "load_omniglot_small": "_omniglot",
        "load_risky_calls": "_risky_calls",
        "load_winobias": "_winobias",
        "load_yeast": "_yeast",
        "locate": "_mirror",
        "multilabel_names": "_multilabel",
        "published_names": "_mirror",
    },
    extra="demo",
)
