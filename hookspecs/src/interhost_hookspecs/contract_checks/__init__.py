"""What every adapter can be held to, whatever its module is: run over it by the pytest plugin ``pytest_interhost``.

An adapter's tests need one function::

    from interhost_hookspecs.contract_checks import ContractCheck
    from interhost_widget import adapter


    def test_contract(contract_check: ContractCheck) -> None:
        \"\"\"The adapter is what its manifest says.\"\"\"
        contract_check(adapter)

which becomes one test per check.
"""

from interhost_hookspecs.contract_checks.behaviour import (
    checks_an_empty_machine,
    survives_every_hook_event,
    survives_every_intent,
    tells_nothing_of_an_empty_machine,
)
from interhost_hookspecs.contract_checks.check import ContractCheck
from interhost_hookspecs.contract_checks.code import (
    answers_without_heavy_imports,
    imports_nothing_of_the_host,
    produces_what_it_makes,
    reads_its_settings,
)
from interhost_hookspecs.contract_checks.hostile import hands_nothing_hostile_on
from interhost_hookspecs.contract_checks.manifest import (
    consumes_what_it_implements,
    fits_the_specifications,
    has_one_name,
    is_written_for_this_level,
    names_its_companions,
    observes_what_it_implements,
    states_well_formed_names,
)
from interhost_hookspecs.contract_checks.patience import reads_any_text_in_time

__all__ = ["CHECKS", "ContractCheck"]

CHECKS: tuple[ContractCheck, ...] = tuple(
    ContractCheck(look)
    for look in (
        fits_the_specifications,
        states_well_formed_names,
        has_one_name,
        is_written_for_this_level,
        consumes_what_it_implements,
        produces_what_it_makes,
        observes_what_it_implements,
        reads_its_settings,
        names_its_companions,
        imports_nothing_of_the_host,
        answers_without_heavy_imports,
        checks_an_empty_machine,
        tells_nothing_of_an_empty_machine,
        survives_every_hook_event,
        survives_every_intent,
        hands_nothing_hostile_on,
        reads_any_text_in_time,
    )
)
"""Every check, in the order in which they are run."""
