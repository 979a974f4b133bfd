"""What may befall a rollout, each really done once: nobody is cut off, and what is said is true.

Once a fault is lifted, a router is reached within its window and two seconds, runs exactly one
whole generation, the exit code and the words of the apply tell the truth, and the next one
succeeds: the fixture sees to the last for every test. A package, so that all of these files share
one fleet, which goes with the last of them.
"""
