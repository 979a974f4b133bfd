"""The ledger: whose turn it is to change an environment, and the chained record of what was done.

It is the branch `deployments/<environment>` of the policies' repository, one commit an entry
(docs/adr/0014-the-ledger-is-a-branch.md). `Ledger.open(...).begin(...)` takes the turn,
`Turn.finish(...)` gives it back.
"""

from komando.ledger.check import Disagreement
from komando.ledger.entries import HostResult, Move
from komando.ledger.errors import HeldError, LedgerError, UnreachedError
from komando.ledger.ledger import Ledger, Policy, Undertaking
from komando.ledger.turn import Landing, Turn
from komando.ledger.verify import Signers, Verified, verify

__all__ = [
    "Disagreement",
    "HeldError",
    "HostResult",
    "Landing",
    "Ledger",
    "LedgerError",
    "Move",
    "Policy",
    "Signers",
    "Turn",
    "Undertaking",
    "UnreachedError",
    "Verified",
    "verify",
]
