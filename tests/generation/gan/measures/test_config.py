"""Web processes read the settings."""

import subprocess
import sys


def test_settings_are_there_without_pytorch():
    code = "import sys; import generation.gan.measures.config as c; c.MeasureSettings(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
