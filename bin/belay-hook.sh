#!/bin/sh
# The same hook as belay-hook.js by curl, which starts in a third of the time of Node:
#   sh belay-hook.sh NODE KIND [--data FOLDER] [--agent NAME] [--wait SECONDS] [--approver NAME] [--unreachable deny|ask]
# It knows one case, a harness on this machine that answers. All else it hands to belay-hook.js, which has the words.
node=$1
shift
program=${0%.sh}.js
line='
'
event=$(cat) || exit 2

in_full() {
  printf '%s\n' "$event" | "$node" "$program" "$@"
  exit $?
}

refuse() {
  echo "Belay cannot be asked, so this must not run: $1." >&2
  exit 2
}

# What goes into an address as it is.
plain() {
  case $1 in
  '' | *[!A-Za-z0-9._@-]*) return 1 ;;
  esac
}

read_options() {
  kind=${1-} data='' query='' wait=0
  plain "$kind" || return 1
  shift
  while [ $# -gt 1 ]; do
    case $1 in
    --data) data=$2 ;;
    --unreachable) ;;
    --wait) wait=$2 ;;
    --agent | --approver) plain "$2" && query="$query&${1#--}=$2" || return 1 ;;
    *) return 1 ;;
    esac
    shift 2
  done
  case $wait in
  '' | *[!0-9]* | ?????*) return 1 ;;
  esac
  [ $# -eq 0 ]
}

find_server() {
  url='' token=''
  if [ -n "$data" ] && [ -r "$data/server.json" ]; then
    IFS= read -r server <"$data/server.json"
    IFS= read -r token <"$data/admin.token"
    url=${server#*\"url\":\"}
    url=${url%%\"*}
  else
    url=${BELAY_URL-} token=${BELAY_TOKEN-}
  fi
  case $token in
  '' | *[!A-Za-z0-9._~+/=-]*) return 1 ;;
  esac
  case $url in
  *[!A-Za-z0-9.:/]*) return 1 ;;
  http://127.0.0.1:* | http://localhost:*) ;;
  *) return 1 ;;
  esac
}

command -v curl >/dev/null 2>&1 && read_options "$@" && find_server 2>/dev/null || in_full "$@"

# The token goes by a descriptor: arguments can be read by every user of the machine.
answer=$(
  curl -q -s --noproxy '*' --max-time $((wait + 10)) --max-filesize 1048576 -w '\n%{http_code}' \
    -H 'Content-Type: application/json' -H 'Expect:' -K /dev/fd/3 --data-binary @- \
    "${url%/}/v1/hooks/$kind?wait=$wait$query" 3<<TOKEN <<EVENT
header = "Authorization: Bearer $token"
TOKEN
$event
EVENT
)
case $? in
0) ;;
# Nothing was sent: no configuration read, no connection, no event read.
2 | 7 | 26) in_full "$@" ;;
28) refuse 'the harness did not answer in time' ;;
*) refuse 'the answer of the harness was lost' ;;
esac
[ "${answer##*"$line"}" = 200 ] || in_full "$@"
answer=${answer%"$line"*}
# What another server says on this port is no permission.
case $answer in
"belay$line"*) printf '%s' "${answer#"belay$line"}" ;;
*) refuse 'the harness answered nonsense' ;;
esac
