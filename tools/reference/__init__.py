"""Published numbers and our computations of them, one module a data set."""

from __future__ import annotations

from reference import bundled, card, catheters, darfur, differences, discovery, imbens_xu, infants, lalonde
from reference.row import EFFECTS as EFFECTS
from reference.row import Row as Row
from reference.row import Section as Section
from reference.row import Survey as Survey

SECTIONS = (
    *lalonde.SECTIONS,
    *imbens_xu.SECTIONS,
    *card.SECTIONS,
    *darfur.SECTIONS,
    *infants.SECTIONS,
    *catheters.SECTIONS,
    *differences.SECTIONS,
    *bundled.SECTIONS,
    *discovery.SECTIONS,
)
SURVEYS = discovery.SURVEYS
