from danlu.kit.training import Training

__all__ = ["Training"]
