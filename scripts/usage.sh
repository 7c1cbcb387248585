# Sourced by the other scripts: `--help` prints the comment at their head.

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

# accept 'WORD WORD' "$@": allow no argument, or one of these words.
accept() {
  local words=" $1 "
  shift
  local wrong=${2:-}
  [ $# = 0 ] || [[ $words == *" $1 "* ]] || wrong=$1
  [ $# -le 1 ] && [ -z "$wrong" ] && return
  echo "error: unknown argument '$wrong'; usage: $(usage | sed -n 's/^Usage: //p')" >&2
  exit 2
}

case ${1:-} in
  -h | --help)
    usage
    exit
    ;;
esac
