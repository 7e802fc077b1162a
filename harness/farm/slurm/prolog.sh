#!/bin/sh
# Slurm's prolog on a phone's host: is the phone of this node fine? It runs before each shard.
# Exit 0: yes. Anything else drains the node, and the shard goes on elsewhere.
# Beside this script lies nodes.tsv (node, serial, adb server; written by `deno task farm setup`).
PATH=/usr/local/bin:/usr/bin:/bin
export PATH
table=$(dirname "$0")/nodes.tsv
tab=$(printf '\t')
serial= server=
while IFS="$tab" read -r node a b; do
    [ "$node" = "$SLURMD_NODENAME" ] && serial=$a && server=$b
done < "$table"
[ -n "$serial" ] || { echo "no node \"$SLURMD_NODENAME\" in $table" >&2; exit 1; }
[ "$serial" = host ] && exit 0

host=${server%:*} port=${server##*:}
# A frozen phone hangs adb for ever: every call has a limit. Its standard input is nobody's.
limit=15
limited() { timeout -k 5 "$limit" adb "$@" < /dev/null; }
ask() { limited -H "$host" -P "$port" "$@"; }
# What adb complains about is kept for the message, apart from its answers.
errors=$(mktemp 2> /dev/null || echo /dev/null)
trap '[ -f "$errors" ] && rm -f "$errors"' EXIT
sick() { echo "$serial: $* $(cat "$errors")" >&2; exit 1; }

# With -H adb starts no server: after a reboot of this host there would be none, and all of its phones would be drained.
case $host in 127.0.0.1 | localhost) limited -P "$port" start-server > /dev/null 2>&1 ;; esac
case $serial in *:*) ask connect "$serial" > /dev/null 2>&1 ;; esac
# A server that has just started does not know its phones yet.
ask -s "$serial" wait-for-device > /dev/null 2>&1
state=$(ask -s "$serial" get-state 2> "$errors")
[ "$state" = device ] || sick "$state"
answer=$(ask -s "$serial" shell 'echo alive' 2> "$errors" | tr -d '\r')
[ "$answer" = alive ] || sick "does not answer: $answer"
exit 0
