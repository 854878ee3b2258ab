# The files of a machine that was just installed, with one user, as a tar file made by Debian's mmdebstrap.
# It is used for a month: the lists of packages are read anew on the machine itself, as on any that is not of today.

BASE=$LAB_CACHE/debian-12-$(sha256sum <"$LAB_LIB/machine-base.sh" | cut -c 1-16).tar
BASE_DAYS=30
BASE_PACKAGES=git,make,sudo

base_fresh() { [ -n "$(find "$BASE" -mtime "-$BASE_DAYS" 2>/dev/null)" ]; }

# The machine's package sources, as files.
base_sources() { find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' -o -name '*.sources' 2>/dev/null; }

# How this machine's apt fetches: proxies, time-outs, checks. The rest of it is of no use where nothing else is installed.
base_apt_settings() { apt-config dump Acquire | grep -vE '^Acquire(::(IndexTargets|Changelogs|CompressionTypes|cdrom).*)? '; }

# base_make DIRECTORY: makes the file, with room for the work in DIRECTORY. It appears under its name only when it is whole.
# Neither sources nor settings stay in it: there may be passwords in them.
base_make() {
  local sources
  say 'making the packages of a new Debian 12 machine (once a month)'
  mapfile -t sources < <(base_sources)
  base_apt_settings >"$1/apt.conf"
  TMPDIR=$1 mmdebstrap --quiet --mode=root --format=tar --variant=minbase --include="$BASE_PACKAGES" --aptopt="$1/apt.conf" \
    --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash --groups sudo user' \
    --customize-hook='printf "%s\n" "user ALL=(ALL) NOPASSWD: ALL" "Defaults env_keep += \"http_proxy https_proxy no_proxy\"" >"$1/etc/sudoers.d/user"' \
    --customize-hook='rm -rf "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list*' \
    bookworm "$BASE.part" "${sources[@]}" || { rm -f "$BASE.part"; return 1; }
  rm -f "$LAB_CACHE"/debian-12-*.tar "$1/apt.conf"
  mv "$BASE.part" "$BASE"
}

# base_build DIRECTORY: the same, unless it is there or somebody else is making it.
base_build() {
  local lock
  exec {lock}<"$LAB_CACHE"
  flock "$lock"
  base_fresh || base_make "$1" || return 1
  exec {lock}<&-
}
