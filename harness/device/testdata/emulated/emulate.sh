#!/usr/bin/env bash
# Emulated arm64 phones that the real adb reaches, for tests: no phone, no KVM, no container engine.
#
#   emulate.sh up [N [PORT]]     prepare what is missing, start N devices emu0.. on PORT, PORT+2, .. (default 1 on 6555), wait for each
#   emulate.sh prepare           downloads, kernel and system image only (once)
#   emulate.sh start NAME PORT [androidboot.x=y | prop.KEY=VALUE ...]   start one, do not wait
#   emulate.sh wait NAME         until its adbd or dropbear listens
#   emulate.sh cut NAME          power cut: gone at once, its /data is kept
#   emulate.sh pause|resume NAME the device freezes / goes on
#   emulate.sh wifi NAME off|on  its network drops packets silently / goes on
#   emulate.sh reset NAME        hard reboot
#   emulate.sh wipe NAME         cut, and forget its /data
#   emulate.sh list              name, port, running or not
#   emulate.sh down              cut all
#
# Settings (environment): CPU=cortex-a76|cortex-a53|max  CORES=2  MEM=1024 (MiB)  DATA_MB=1024  AS_ROOT=0|1  SUITE=trixie
#   SSH_KEY=BASE64 of an ed25519 public key: a board and no phone, with dropbear on PORT, BusyBox, users pi and root
#   EMULATED_DEVICE_DIR=${XDG_CACHE_HOME:-~/.cache}/posemark/emulated-device
# What one is, and how its sensors are set: README.md beside this file.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=${EMULATED_DEVICE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/posemark/emulated-device}
: "${SUITE:=trixie}" "${CPU:=cortex-a76}" "${CORES:=2}" "${MEM:=1024}" "${DATA_MB:=1024}" "${AS_ROOT:=0}" "${SSH_KEY:=}"
say() { echo "emulate: $*" >&2; }
die() { echo "emulate: $*" >&2; exit 3; }

# shellcheck source=image/build.sh
. "$HERE/image/build.sh"

device_dir() {
  [[ $1 =~ ^[A-Za-z0-9_-]+$ ]] || die "bad device name \"$1\": letters, digits, _ and - only"
  echo "$ROOT/devices/$1"
}
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# The process is ours only while it is qemu: its number may have gone to another one since.
alive() {
  local pid
  pid=$(cat "$(device_dir "$1")/pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = qemu-system-aar ]
}

start() {
  local name=$1 port=$2 dir image pid
  dir=$(device_dir "$name"); image=$(image_dir); shift 2
  alive "$name" && die "\"$name\" runs already"
  port_taken "$port" && die "port $port is taken"
  mkdir -p "$dir"; echo "$port" >"$dir/port"; : >"$dir/console.log"
  [ -e "$dir/data.img" ] || { truncate -s "${DATA_MB}M" "$dir/data.img"; PATH=$PATH:/sbin mkfs.ext4 -q -F -m 0 -L data "$dir/data.img"; }
  rm -f "$dir"/monitor.in "$dir"/monitor.out; mkfifo "$dir/monitor.in" "$dir/monitor.out"
  setsid qemu-system-aarch64 -M virt,gic-version=3 -accel tcg,thread=multi -cpu "$CPU" -smp "$CORES" -m "$MEM" \
    -display none -nodefaults -serial "file:$dir/console.log" -monitor "pipe:$dir/monitor" \
    -kernel "$ROOT/kernel/Image" -initrd "$image/initrd.cpio" \
    -append "console=ttyAMA0 quiet panic=1 rdinit=/init posemark.emulated=1 emulated.root=$AS_ROOT ${SSH_KEY:+emulated.ssh_key=$SSH_KEY} androidboot.serialno=$name $*" \
    -drive "file=$dir/data.img,format=raw,if=none,id=d0,cache=writeback" -device virtio-blk-pci,drive=d0 \
    -netdev "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:$port-:$([ -n "$SSH_KEY" ] && echo 22 || echo 5555)" -device virtio-net-pci,netdev=n0,romfile= \
    >"$dir/qemu.log" 2>&1 </dev/null &
  pid=$!; echo "$pid" >"$dir/pid"
  until alive "$name" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done  # until setsid has become qemu
  echo "$name 127.0.0.1:$port"
}

wait_up() {
  local dir; dir=$(device_dir "$1")
  for _ in $(seq 1200); do
    grep -qE 'adbd started|Not backgrounding' "$dir/console.log" 2>/dev/null && { say "$1 is up on 127.0.0.1:$(cat "$dir/port")"; return; }
    alive "$1" || die "\"$1\" died: $(cat "$dir/qemu.log"; tail -5 "$dir/console.log")"
    sleep 0.05
  done
  die "\"$1\" is not up after a minute: $(tail -5 "$dir/console.log")"
}

monitor() { alive "$1" || die "\"$1\" does not run"; echo "$2" >"$(device_dir "$1")/monitor.in"; }

cut_power() {
  local dir pid; dir=$(device_dir "$1")
  alive "$1" || return 0
  pid=$(cat "$dir/pid"); kill -KILL "$pid"
  # Its last thread closes the port.
  while [ -e "/proc/$pid/exe" ] || port_taken "$(cat "$dir/port")"; do sleep 0.02; done
  rm -f "$dir/pid"
}

each_device() { local d; for d in "$ROOT"/devices/*/; do [ -d "$d" ] && "$1" "$(basename "$d")"; done; return 0; }
list_one() { echo "$1 127.0.0.1:$(cat "$ROOT/devices/$1/port" 2>/dev/null) $(alive "$1" && echo running || echo off)"; }

command=${1:-}; [ $# -gt 0 ] && shift
need() { [ "$2" -ge "$1" ] || die "usage: emulate.sh $command $3"; }
case $command in
  prepare) prepare ;;
  up)
    count=${1:-1}; base=${2:-6555}; prepare
    for k in $(seq 0 $((count - 1))); do alive "emu$k" || start "emu$k" $((base + 2 * k)); done
    for k in $(seq 0 $((count - 1))); do wait_up "emu$k"; done ;;
  start) need 2 $# "NAME PORT [androidboot.x=y | prop.KEY=VALUE ...]"; prepare; start "$@" ;;
  wait) need 1 $# NAME; wait_up "$1" ;;
  cut) need 1 $# NAME; cut_power "$1" ;;
  pause) need 1 $# NAME; monitor "$1" stop ;;
  resume) need 1 $# NAME; monitor "$1" cont ;;
  reset) need 1 $# NAME; monitor "$1" system_reset ;;
  wifi) need 2 $# "NAME off|on"; monitor "$1" "set_link n0 $2" ;;
  wipe) need 1 $# NAME; cut_power "$1"; rm -rf "$(device_dir "$1")" ;;
  list) each_device list_one ;;
  down) each_device cut_power ;;
  *) sed -n '2,/^set -e/{/^set -e/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
