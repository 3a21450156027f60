"""Submissions: the policy-governing writes, by ``clavain-cli``, or by ``ic`` where no ``clavain-cli`` exists.

::

    builtin         the two built-in providers, as hooks
    ├── policy          writes and questions through clavain-cli; gates has those about gates
    │   └── clavain         the program itself
    ├── direct          the same through ic, without policy
    ├── runs            which run a bead has, and what became of it
    ├── kernel          what ic says
    ├── tracker         what bd says
    ├── programs        finding and running them, each with a deadline
    └── answers         what they print, as data; and what it means when they fail
    ledger          once per key, across processes and crashes
    facts           what a submission leads to, as facts for the bus
    checks          what doctor says about the programs
    toolerror       a refusal as an MCP tool reports it

Source: specification "Intent Submission Mechanism"; reference/cli-contracts.md, named by section where it matters.
"""
