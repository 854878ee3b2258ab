# How the demo speaks: what is shown, the commands and their answers, and what was checked of them.

CHECKS=0
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' GREEN='' RED='' PLAIN=''
fi

# say SENTENCE: what comes next.
say() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }

# stop_with SENTENCE: ends the demo before it has begun.
stop_with() { printf '%sdemo:%s %s\n' "$RED" "$PLAIN" "$*" >&2; exit 1; }

# check WHAT EXPECTED FOUND: ends the demo unless they are the same text.
check() {
  if [ "$2" != "$3" ]; then
    printf '%sFAILED:%s %s\n  expected: %s\n  found:    %s\n' "$RED" "$PLAIN" "$1" "${2//$'\n'/$'\n'            }" "${3//$'\n'/$'\n'            }"
    exit 1
  fi
  CHECKS=$((CHECKS + 1))
  printf '%sok:%s %s\n' "$GREEN" "$PLAIN" "$1"
}

# check_match WHAT PATTERN FOUND: the same for an extended regular expression.
check_match() {
  [[ $3 =~ $2 ]] || check "$1" "text that matches $2" "$3"
  check "$1" "$3" "$3"
}
