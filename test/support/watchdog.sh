#!/bin/sh
# Outlives the process that started it, to kill the servers and remove the folders which that process
# leaves behind, however it died. Reads one order a line; the end of the input is the owner's death.
#   started <pid> | ended <pid> | folder <path>
trap '' INT TERM HUP

children_of() {
  cat "/proc/$1/task/$1/children" 2>/dev/null || pgrep -P "$1"
}

pids=
while read -r order value; do
  case $order in
    started) pids="$pids $value" ;;
    ended)
      others=
      for pid in $pids; do [ "$pid" = "$value" ] || others="$others $pid"; done
      pids=$others
      ;;
    folder) set -- "$@" "$value" ;;
  esac
done

for pid in $pids; do
  # A server's own children too, because a stopped (SIGSTOP) one never notices that its parent is gone.
  # shellcheck disable=SC2046
  kill -KILL "$pid" $(children_of "$pid") 2>/dev/null
done
# A dying server may still write a file while its folder goes.
[ $# -eq 0 ] || rm -rf -- "$@" 2>/dev/null || { sleep 1; rm -rf -- "$@"; }
