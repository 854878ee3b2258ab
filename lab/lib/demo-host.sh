# The demo's Docker hosts: a lab, which goes when the demo ends, and the commands typed there.

lab() { "$ROOT/lab/lab" "$@"; }

AT=h1
# on HOST: where the commands that follow are typed.
on() { AT=$1; }

# What is shown before a command: on which host it is typed, if there are several.
prompt() { if [ "$HOSTS" -eq 1 ]; then echo '$'; else echo "$AT\$"; fi; }

# host_up: makes the lab. One that is there already is left alone: somebody may be at work in it.
host_up() {
  local status=0
  lab status >/dev/null 2>&1 || status=$?
  [ "$status" -eq 3 ] ||
    stop_with "there is a lab \"$LAB_NAME\" already, perhaps of a run with KEEP=1; remove it with: LAB_NAME=$LAB_NAME lab/lab down"
  trap host_down EXIT
  trap 'exit 130' INT TERM
  if [ "$HOSTS" -eq 1 ]; then lab up 2>&1; else lab up --hosts "$HOSTS" --store etcd 2>&1; fi
}

# host_down: the demo ends, well or not.
host_down() {
  local status=$?
  trap '' INT TERM
  if [ "${KEEP:-}" = 1 ]; then
    printf '\nThe lab is still up. Enter it:  LAB_NAME=%s lab/lab exec h1 bash\n                     Remove it:  LAB_NAME=%s lab/lab down\n' "$LAB_NAME" "$LAB_NAME"
  else
    lab down 2>&1 || { echo "demo: the lab could not be removed; try: LAB_NAME=$LAB_NAME lab/lab down" >&2; status=1; }
  fi
  exit "$status"
}

# quietly LINE: runs a command line in the host. Its output is the function's.
quietly() { lab exec "$AT" -- bash -o pipefail -c "$1" 2>&1; }

# try LINE: shows a command line as it is typed, runs it, shows what it answers. Sets ANSWER and CODE.
try() {
  printf '%s %s\n' "$(prompt)" "$1"
  CODE=0
  ANSWER=$(quietly "$1") || CODE=$?
  [ -z "$ANSWER" ] || printf '%s\n' "$ANSWER"
}

# run LINE: the same for a command that must succeed.
run() {
  try "$1"
  [ "$CODE" -eq 0 ] || check "the command succeeds" 'exit code 0' "exit code $CODE"
}

# run_here LINE: a command of the lab, typed on this machine in the project's directory. It must succeed.
run_here() {
  printf '$ %s\n' "$1"
  (cd "$ROOT" && bash -c "$1" 2>&1) || check 'the command succeeds' 'exit code 0' "exit code $?"
}

# eventually SECONDS WHAT EXPECTED LINE: waits until LINE, run in the host, prints EXPECTED.
eventually() {
  local deadline=$((SECONDS + $1)) found
  found=$(quietly "$4") || true
  until [ "$found" = "$3" ] || [ "$SECONDS" -ge "$deadline" ]; do
    found=$(quietly "$4") || true
  done
  check "$2" "$3" "$found"
}
