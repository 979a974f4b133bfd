"""What is applied to a real router, and what people change on it by hand.

A package, so that these files share one city, which goes with the last of them.
"""
