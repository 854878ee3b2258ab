# One `up` or `down` at a time per lab. The lock ends with the process that holds it, so a crash leaves none behind.

lock_lab() {
  mkdir -p /run/netctl-lab
  exec {LAB_LOCK}>"/run/netctl-lab/$LAB_NAME.lock"
  flock --timeout "$1" "$LAB_LOCK" || die "another lab/lab up or down of lab '$LAB_NAME' is at work; try again when it is done"
}

# For a process that outlives this one, and would hold the lock as long as it lives.
lock_drop() { [ -z "${LAB_LOCK:-}" ] || exec {LAB_LOCK}>&-; }
