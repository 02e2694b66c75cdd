#!/bin/sh
# A virtual environment that holds exactly what a lock file names, and this project beside it.
#
#   deploy/venv.sh PYTHON FOLDER LOCK
#
# Does nothing when FOLDER was made from this LOCK by this Python already. The project itself is not built: a .pth file
# points to its source, and FOLDER/bin/heatsink runs it, so that nothing but the locked wheels is ever downloaded.
set -eu
python=$1 folder=$2 lock=$3

"$python" - <<'PYTHON' || exit 1
import sys
if sys.version_info < (3, 11):
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"heatsink needs Python 3.11 or newer; {sys.executable} is {found}. Name another one: make run PYTHON=python3.11")
PYTHON

wanted="$("$python" -c 'import sys; print(*sys.version_info[:2])') $(cksum <"$lock") $(pwd)"
stamp=$folder/.made-from
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

made_by=$(sed -n 's/^version = \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' "$folder/pyvenv.cfg" 2>/dev/null || true)
[ -z "$made_by" ] || [ "$made_by" = "$("$python" -c 'import sys; print(*sys.version_info[:2])')" ] || rm -rf "$folder"

echo "Installing $lock into $folder (once; a minute or so) ..."
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
# No bytecode of what is never imported: half of the size of ccxt.
"$folder/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --no-input \
  --require-hashes --requirement "$lock"

pwd >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/heatsink.pth"
cat >"$folder/bin/heatsink" <<'SCRIPT'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -m services.cli "$@"
SCRIPT
chmod +x "$folder/bin/heatsink"
# Importing every service once leaves the bytecode of just what they use: the first start is as fast as any other.
PYTHONDONTWRITEBYTECODE='' "$folder/bin/python" -c '
import importlib, pathlib
for path in pathlib.Path("services").glob("*/service.py"):
    importlib.import_module(f"services.{path.parent.name}.service")
' 2>/dev/null || :
echo "$wanted" >"$stamp"
