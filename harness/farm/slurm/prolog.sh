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
ask() { timeout -k 5 "$limit" adb -H "$host" -P "$port" "$@" < /dev/null; }
limit=15
case $serial in *:*) ask connect "$serial" > /dev/null 2>&1 ;; esac
state=$(ask -s "$serial" get-state 2>&1)
[ "$state" = device ] || { echo "$serial: $state" >&2; exit 1; }
answer=$(ask -s "$serial" shell 'echo alive' 2>&1 | tr -d '\r')
[ "$answer" = alive ] || { echo "$serial does not answer: $answer" >&2; exit 1; }
exit 0
