# Sourced by emulate.sh: what a device is made of, downloaded and put together once.
# In: $HERE, $ROOT, $SUITE, say, die. Out: $ROOT/kernel/Image and $(image_dir)/initrd.cpio.

# One folder per version of the sources below: a change of them builds anew.
image_dir() {
  echo "$ROOT/image-$(cd "$HERE" && cat image/* image/bin/* recordings/phone/* 2>/dev/null | sha256sum | cut -c1-12)"
}

host_packages() {
  local need=()
  command -v adb >/dev/null || need+=(adb)
  command -v aarch64-linux-gnu-g++ >/dev/null || need+=(g++-aarch64-linux-gnu)
  command -v qemu-system-aarch64 >/dev/null || need+=(qemu-system-arm)
  command -v cpio >/dev/null || need+=(cpio)
  command -v mkfs.ext4 >/dev/null || [ -x /sbin/mkfs.ext4 ] || need+=(e2fsprogs)
  command -v xz >/dev/null || need+=(xz-utils)
  [ ${#need[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || die "missing tools; as root: apt-get install --no-install-recommends ${need[*]}"
  command -v apt-get >/dev/null || die "missing tools: install ${need[*]} (names of Debian's packages)"
  apt-get -qq -o DPkg::Lock::Timeout=300 update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${need[@]}" >/dev/null
  say "installed ${need[*]}"
}

# Debian's arm64 packages through a private apt that touches nothing of the system's: adbd is only in newer suites.
arm64_packages() {
  local apt=$ROOT/apt source uri kernel
  # Counted up when a package is added.
  [ -e "$apt/.done-2" ] && return
  for source in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do [ -s $source ] && break; done
  uri=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] *)?([^ ]+) .*/\2/p' "$source" 2>/dev/null | head -1)
  [ -n "$uri" ] || die "no Debian mirror in /etc/apt: the emulated device is made of Debian's arm64 packages, run it on Debian"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/kernel"; : >"$apt/status"
  echo "deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $SUITE main" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<C
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
C
  (
    export APT_CONFIG=$apt/apt.conf
    apt-get -qq update
    apt-get -qq -y --download-only install adbd mksh toybox dropbear-bin busybox-static >/dev/null
    kernel=$(apt-cache depends linux-image-cloud-arm64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
    cd "$apt/kernel" && rm -f ./*.deb && apt-get -qq download "$kernel"
  )
  touch "$apt/.done-2"
  say "downloaded adbd, mksh, toybox, dropbear, BusyBox, their libraries and a kernel of $SUITE"
}

kernel() {
  local new=$ROOT/kernel.new
  [ -e "$ROOT/kernel/Image" ] && return
  rm -rf "$new" "$ROOT/kernel"; mkdir -p "$new"
  dpkg-deb --fsys-tarfile "$ROOT"/apt/kernel/*.deb | tar -x -C "$new" --wildcards './boot/vmlinuz-*' \
    '*/net/core/failover.ko*' '*/net_failover.ko*' '*/virtio_net.ko*' '*/virtio_blk.ko*'
  mv "$new"/boot/vmlinuz-* "$new/Image"
  mv "$new" "$ROOT/kernel"
}

system_image() {
  local image system deb module applet
  image=$(image_dir)
  [ -e "$image/initrd.cpio" ] && return
  rm -rf "$ROOT"/image-*; system=$image/system; mkdir -p "$system"
  for deb in "$ROOT"/apt/cache/archives/*.deb; do dpkg-deb -x "$deb" "$system"; done
  (
    cd "$system"
    rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/lintian usr/lib/aarch64-linux-gnu/gconv
    for link in bin sbin lib; do [ -e $link ] || ln -s usr/$link $link; done
    mkdir -p proc sys dev data sdcard mnt tmp system/bin system/lib64 system/etc vendor/lib/modules
    find "$ROOT/kernel" -name '*.ko.xz' | while read -r module; do
      xz -dc "$module" >"vendor/lib/modules/$(basename "$module" .xz)"
    done
    # Android's layout: sh is mksh, everything else is toybox.
    cp -L usr/bin/mksh system/bin/sh; ln -sf /system/bin/sh usr/bin/sh; cp -L usr/bin/toybox system/bin/toybox
    while read -r applet; do ln -s toybox "system/bin/$applet"; done <"$HERE/image/applets.txt"
    # A board's: sh and all tools are BusyBox, for those who come by ssh.
    mkdir -p board/bin home
    cp -L usr/bin/busybox board/bin/busybox
    while read -r applet; do ln -s busybox "board/bin/$applet"; done <"$HERE/image/board_applets.txt"
    printf '%s\n' '#!/board/bin/sh' 'export PATH=/board/bin' 'exec sh "$@"' >board/shell; chmod 755 board/shell
    echo /board/shell >etc/shells
    mkdir -p etc/dropbear; rmdir etc/dropbear; ln -s /data/dropbear etc/dropbear
    printf '%s\n' 'PRETTY_NAME="Emulated board"' >etc/os-release
    printf '%s\n' root:x:0:0:root:/home/root:/board/shell shell:x:2000:2000:shell:/:/system/bin/sh \
      pi:x:1000:1000:pi:/home/pi:/board/shell >etc/passwd
    printf '%s\n' root:x:0: pi:x:1001: system:x:1000: log:x:1007: sdcard_rw:x:1015: shell:x:2000: inet:x:3003: >etc/group
    cp "$HERE/image/build.prop" system/build.prop
    cp -r "$HERE/recordings/phone" system/etc/phone
    cp "$HERE"/image/bin/* system/bin/; chmod 755 system/bin/*
  )
  aarch64-linux-gnu-g++ -std=c++17 -Wall -O1 -shared -fPIC -fvisibility=hidden \
    -o "$system/system/lib64/libemulated.so" "$HERE/image/adbd_properties.cpp"
  aarch64-linux-gnu-g++ -std=c++17 -Wall -O1 -static -s -o "$system/init" "$HERE/image/init.cpp" "$HERE/image/phone.cpp"
  (cd "$system" && find . | cpio -o -H newc --quiet -R 0:0) >"$image/initrd.new"
  mv "$image/initrd.new" "$image/initrd.cpio"; rm -rf "$system"
  say "system image of $(du -h "$image/initrd.cpio" | cut -f1) built"
}

prepare() {
  mkdir -p "$ROOT"
  (flock 9; host_packages; arm64_packages; kernel; system_image) 9>"$ROOT/lock"
}
