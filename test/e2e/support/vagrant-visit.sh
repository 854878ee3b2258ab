# What test/e2e/vagrant.test.ts does on the new machine, before the steps that it makes of what vagrant would do.
# One pipe, so that what is printed is not seen in another order.
exec 2>&1
cd /tmp
TREE=/usr/src/netctl

# What Debian's boxes have, and the sources as vagrant copies them, without what only git needs.
make_box() {
  sudo useradd --create-home --shell /bin/bash vagrant &&
    sudo apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends systemd systemd-sysv iproute2 &&
    # Prompts for a login would be on the consoles of the machine that this one is in.
    sudo systemctl --quiet mask getty.target &&
    sudo git clone --quiet /srv/netctl $TREE && sudo rm -rf $TREE/.git
}

# Node.js as the archive of its project has it, made of the one that is here, which then goes.
move_node() {
  local name
  name=node-$(node -p process.version)-linux-$(node -p process.arch)
  mkdir -p $name/bin $name/lib/node_modules
  cp /usr/local/bin/node $name/bin/
  cp -R /usr/local/lib/node_modules/npm $name/lib/node_modules/
  ln -s ../lib/node_modules/npm/bin/npm-cli.js $name/bin/npm
  tar -cf $name.tar $name
  mkdir nodejs
  mv $name nodejs/usr
  sudo umount /usr/local/bin/node /usr/local/lib/node_modules/npm
  sudo rm -rf /usr/local/bin/{node,npm} /usr/local/lib/node_modules
}

# The same as a package, from a source of packages that is added; then the source goes again, and the package.
offer_node() {
  mkdir nodejs/DEBIAN
  printf 'Package: nodejs\nVersion: 20.99\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: the Node.js that is here\n' >nodejs/DEBIAN/control
  dpkg-deb --root-owner-group -Znone --build nodejs nodejs.deb >/dev/null
  (dpkg-deb --field nodejs.deb; stat --printf 'Filename: ./%n\nSize: %s\n' nodejs.deb; echo "SHA256: $(sha256sum nodejs.deb | cut -d ' ' -f 1)") >Packages
  echo 'deb [trusted=yes] file:/tmp ./' | sudo tee /etc/apt/sources.list.d/offered.list >/dev/null
  sudo apt-get -qq update
}
withdraw_node() {
  sudo rm /etc/apt/sources.list.d/offered.list
  sudo apt-get -qq -o Dpkg::Use-Pty=0 purge --yes nodejs
}

# boot NAME ADDRESS: a host of these files, with systemd; waits until it is up.
boot() {
  sudo LAB_NAME=$LAB_NAME bash $TREE/test/e2e/support/boot-host.sh "$1" "$2" >/tmp/boot-$1 2>&1 &
  local waited=0
  until [ "$(on "$1" systemctl is-system-running 2>/dev/null)" = running ]; do
    [ $((waited += 1)) -lt 600 ] || { cat /tmp/boot-$1; on "$1" systemctl --no-pager --failed; return 1; }
    sleep 0.1
  done
}

# on NAME COMMAND...: runs it on the host that was booted, as root.
on() { sudo nsenter --all --target "$(cat /run/$1.pid)" "${@:2}"; }

# What tells whether anything was done on a host since the mark: files that were written, and processes.
mark() { on "$1" touch /run/mark; }
written() { on "$1" find /etc /usr /var/lib/dpkg -xdev -cnewer /run/mark; }
processes() { on "$1" systemctl show --property=MainPID,NRestarts etcd netctld docker; }
