# The image alpine:latest, made of Debian's packages on this machine: there is no registry in a lab. Its commands are those of
# busybox, with OpenBSD's nc (its -z reports what it found), curl and socat in place of busybox' own or beside them. The shell is
# dash: the one of Debian's busybox runs its own nc whatever PATH says (it is built with FEATURE_SH_STANDALONE).

IMAGE_PACKAGES=(busybox-static dash netcat-openbsd curl socat)
IMAGE_PROGRAMS=(/bin/dash /bin/nc.openbsd /usr/bin/curl /usr/bin/socat)

# The file of the image as these packages and this recipe make it. Sets IMAGE.
image_file() {
  local key
  key=$({ dpkg-query -W "${IMAGE_PACKAGES[@]}" && cat "$LAB_LIB/image.sh"; } 2>/dev/null | sha256sum) ||
    die "missing on this machine: some of ${IMAGE_PACKAGES[*]}; install what the lab needs with: make deps"
  IMAGE=$LAB_CACHE/alpine-${key:0:16}.tar
}

# The shared libraries of the programs given, and their loader.
image_libraries() { ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// && NF == 2 { print $1 }' | sort -u; }

image_programs() {
  local applet
  mkdir bin
  for applet in $(/bin/busybox --list); do
    ln -s /bin/busybox "bin/$applet"
  done
  rm bin/busybox bin/nc bin/sh
  install -t bin /bin/busybox
  install /bin/dash bin/sh
  install /bin/nc.openbsd bin/nc
  install -D -t usr/bin /usr/bin/curl /usr/bin/socat
  ln -s /bin/busybox usr/bin/env # scripts name it so
  image_libraries "${IMAGE_PROGRAMS[@]}" | while read -r library; do install -D "$library" ".$library"; done
}

image_files() {
  mkdir -p dev proc sys etc root tmp var run
  chmod 755 . # mktemp made it private
  chmod 1777 tmp
  ln -s /run var/run
  echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
  echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>etc/passwd
  printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >etc/group
  echo 'hosts: files dns' >etc/nsswitch.conf
}

# Builds the file unless it is there. It appears under its name only when it is whole.
image_build() {
  local IMAGE root
  image_file
  [ ! -e "$IMAGE" ] || return 0
  say 'making the image alpine:latest (once per machine)'
  mkdir -p "$LAB_CACHE"
  root=$(mktemp -d "$LAB_STATE/image.XXXXXX")
  (cd "$root"; umask 022; image_files; image_programs)
  tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$root.tar" .
  rm -f "$LAB_CACHE"/alpine-*.tar
  mv "$root.tar" "$IMAGE"
  rm -rf "$root"
}

# image_load HOST: gives it to the host's dockerd.
image_load() {
  local IMAGE
  image_file
  in_host "$1" docker import --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    - alpine:latest <"$IMAGE" >/dev/null || die "dockerd on $1 refused the image $IMAGE"
}
