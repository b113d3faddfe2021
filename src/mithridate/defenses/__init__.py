"""Defenses against poisoned training rows, as scikit-learn regressors; none of them loads JAX."""

from ._antidote import Antidote as Antidote
from ._bayesclean import BayesClean as BayesClean
from ._cellerrors import CellErrors as CellErrors
from ._certified import CertifiedMedian as CertifiedMedian
from ._deepbayesclean import DeepBayesClean as DeepBayesClean
from ._duti import Duti as Duti
from ._huber import Huber as Huber
from ._itrim import ITrim as ITrim
from ._kolmogorov import KolmogorovSmirnov as KolmogorovSmirnov
from ._lts import LeastTrimmedSquares as LeastTrimmedSquares
from ._outliers import Outliers as Outliers
from ._proda import Proda as Proda
from ._ransac import Ransac as Ransac
from ._ridge import Ridge as Ridge
from ._sever import Sever as Sever
from ._tableerrors import TableErrors as TableErrors
from ._tablerule import GROUP as GROUP
from ._targeterrors import TargetErrors as TargetErrors
from ._theilsen import TheilSen as TheilSen
from ._torrent import Torrent as Torrent
from ._trim import Trim as Trim
from ._trustedonly import TrustedOnly as TrustedOnly
from .base import BaseDefense as BaseDefense

__all__ = [
    "Antidote",
    "BaseDefense",
    "BayesClean",
    "CellErrors",
    "CertifiedMedian",
    "DeepBayesClean",
    "Duti",
    "Huber",
    "ITrim",
    "KolmogorovSmirnov",
    "LeastTrimmedSquares",
    "Outliers",
    "Proda",
    "Ransac",
    "Ridge",
    "Sever",
    "TableErrors",
    "TargetErrors",
    "TheilSen",
    "Torrent",
    "Trim",
    "TrustedOnly",
]
