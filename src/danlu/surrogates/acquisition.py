"""Expected improvement in log space, for minimisation.

Notation
    best   value to improve on
    mu,sd  predicted mean and standard deviation, (m,)
    z      = (best − mu) / sd
    h(z)   = φ(z) + z Φ(z);   EI = sd · h(z)                                            (1)

Plain EI underflows for z < −38 and then every candidate looks alike; the logarithm does not.
Source: Ament et al., Unexpected Improvements to Expected Improvement, 2023, eq. 9.
"""

import math

import numpy as np
from scipy.special import erfcx, ndtr

from danlu.surrogates.linalg import Array

LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
SQRT_HALF_PI = math.sqrt(math.pi / 2.0)
DIRECT_ABOVE = -1.0  # φ + zΦ loses digits by cancellation below
ASYMPTOTIC_BELOW = -1e3  # 1 − √(π/2)|z| erfcx(|z|/√2) loses them all around −1e5


def log_h(z: Array) -> Array:
    """ln(φ(z) + z Φ(z)), accurate for every z."""
    z = np.asarray(z, float)
    out = np.empty_like(z)
    direct, far = z > DIRECT_ABOVE, z < ASYMPTOTIC_BELOW
    middle = ~direct & ~far
    zd, zm, zf = z[direct], z[middle], z[far]
    out[direct] = np.log(np.exp(-0.5 * zd * zd - LOG_SQRT_2PI) + zd * ndtr(zd))
    tail = np.log1p(SQRT_HALF_PI * zm * erfcx(-zm / math.sqrt(2.0)))
    out[middle] = -0.5 * zm * zm - LOG_SQRT_2PI + tail
    out[far] = -0.5 * zf * zf - LOG_SQRT_2PI - 2.0 * np.log(-zf)
    return out


def log_ei(mu: Array, sd: Array, best: float | Array) -> Array:
    """Logarithm of the expected improvement below ``best`` (eq. 1), (m,)."""
    return log_h((best - mu) / sd) + np.log(sd)
