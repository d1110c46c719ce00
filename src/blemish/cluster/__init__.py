"""Work on many machines: workers of a Ray cluster, one that is started here or joined, take items one by one.

A worker that is lost (its process killed, its machine gone) takes nothing with it: what it was at is done again by
another. Nothing is handed over but what goes through pickle: machines need not share a disk.
"""

from blemish.cluster.joining import HERE, WorkerShare, check_no_share, hand_over, open_cluster
from blemish.cluster.team import MOST_LOST, outcomes_of
from blemish.cluster.worker import Outcome

__all__ = ["HERE", "MOST_LOST", "Outcome", "WorkerShare", "check_no_share", "hand_over", "open_cluster", "outcomes_of"]
