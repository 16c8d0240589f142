"""The named errors of discovery."""

from __future__ import annotations

from aitia.core import AitiaError


class DiscoveryError(AitiaError):
    """Data, options or knowledge do not fit what a discovery algorithm, test or score needs."""


class KnowledgeError(DiscoveryError):
    """Background knowledge contradicts itself or names what is not there; the pieces are named."""
