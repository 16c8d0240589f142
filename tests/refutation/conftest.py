import sys
from pathlib import Path

# The simulated worlds are shared by the tests of this room and by the benchmark.
sys.path.insert(0, str(Path(__file__).parent))
