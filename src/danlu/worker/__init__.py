"""The other side: what training code holds, and how its reports reach the tuner.

Standard library only, so that ``import danlu`` in a training script costs next to nothing.
"""
