#!/usr/bin/env bash
# What the torch engine does on a GPU, in five minutes at most: speed, parity with the CPU, CartPole to 475.
#
#     bash benchmarks/gpu_check.sh [OUT.json] [SECONDS] [options of gpu_check.py]
#
# Writes OUT.json (benchmarks/gpu.json). Every part is a process of its own under a time limit: one that fails, hangs or
# loses the GPU leaves what it had measured and its error, and the next goes on. `--device cpu --quick` tries it anywhere.
set -u
cd "$(dirname "$0")/.."
out=${1:-benchmarks/gpu.json}
seconds=${2:-290}
shift $(($# < 2 ? $# : 2))
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 PYTHONWARNINGS=ignore
python=${PYTHON:-python3}
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
started=$(date +%s)

part() { # name, most seconds
    left=$((seconds - $(date +%s) + started))
    limit=$(($2 < left ? $2 : left))
    [ "$limit" -ge 5 ] || { echo "== $1: no time left"; return; }
    echo "== $1 (at most $limit s)"
    timeout -k 5 "$limit" "$python" benchmarks/gpu_check.py "$1" --write "$parts/$1.json" "${@:3}" 2>"$parts/$1.err"
    code=$?
    [ $code -eq 0 ] || tail -3 "$parts/$1.err"
    "$python" - "$out" "$1" "$code" "$parts/$1" <<'END'
import json, pathlib, sys
out, name, code, part = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
whole = json.loads(out.read_text()) if out.exists() and name != "machine" else {}
rows, said = pathlib.Path(part + ".json"), pathlib.Path(part + ".err")
whole[name] = json.loads(rows.read_text()) if rows.exists() else []
if code:
    whole[name].append({"error": "time limit" if code in (124, 137) else said.read_text()[-600:], "code": code})
out.write_text(json.dumps(whole, indent=1) + "\n")
END
}

part machine 50 "$@"
part eager 50 "$@"
part compiled 100 "$@"
part lives 80 "$@"
part evolution 120 "$@"
echo "== written to $out after $(($(date +%s) - started)) s"
