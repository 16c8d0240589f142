"""``python -m aitia.cli`` is the command ``aitia``."""

from aitia.cli import main

main()
