# What test/e2e/install.test.ts does on the new machine: each `step` is looked at there. The package comes from the standard input.
# One pipe, so that what is printed is not seen in another order.
exec 2>&1
cd /tmp; export DEBIAN_FRONTEND=noninteractive
cat >netctl.deb
# A Node.js that dpkg knows of, in place of the one that is only unpacked here.
mkdir -p node/DEBIAN node/usr/bin
printf 'Package: nodejs\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: the Node.js that is here\n' $(node -p process.versions.node) >node/DEBIAN/control
ln -s /usr/local/bin/node node/usr/bin/node
dpkg-deb --root-owner-group -Znone --build node nodejs.deb >/dev/null
install() { sudo apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@"; }
# unit KEY: what the unit has for it.
unit() { sed -n "s/^$1=//p" /usr/lib/systemd/system/netctld.service; }
# seen TEXT: waits until the manager was told it, for as long as netctld lives; shows its log otherwise.
seen() {
  until grep -q "$1" notified; do
    [ -d /proc/$daemon ] || { grep -q "$1" notified && break; echo "never: $1"; cat notified log; return 1; }
    sleep 0.05
  done
}
# Starts netctld as a service manager does. The capabilities are those of the unit. The network is its own: nothing here is to be programmed.
start() {
  : >notified; sudo rm -f notify
  socat -u UNIX-RECV:/tmp/notify,mode=777 OPEN:/tmp/notified,creat,append & manager=$!
  until [ -S notify ]; do sleep 0.05; done
  local capabilities=$(unit CapabilityBoundingSet | sed 's/CAP_/+/g; s/ /,/g' | tr A-Z a-z)
  sudo unshare --net env NOTIFY_SOCKET=/tmp/notify WATCHDOG_USEC=900000 \
    setpriv --bounding-set="-all,$capabilities" --no-new-privs $(unit ExecStart) >log 2>&1 & daemon=$!
  seen READY=1 && seen WATCHDOG=1
}
stop() { sudo kill $(pgrep --full '^node .*dist/bin/netctld.cjs'); seen STOPPING=1; wait $daemon; kill $manager; }
as() { sudo runuser --user "$@"; }
# suggest WORD...: what Bash with its completion makes of the line.
suggest() {
  sudo --user=member bash -c '. /usr/share/bash-completion/bash_completion; __load_completion netctl; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _netctl; echo "${COMPREPLY[@]}"' bash netctl "$@"
}

step update sudo apt-get -qq --error-on=any update
step install install ./nodejs.deb ./netctl.deb systemd man-db bash-completion socat procps
step again sudo dpkg --configure --pending
step modes stat -c '%A %U %G %n' /usr/bin/netctl /usr/sbin/netctld /usr/lib/netctl/{LICENSE,package.json,dist/bin/netctl.cjs,bin/netctld,node_modules/koffi} /usr/lib/systemd/system/netctld.service /usr/lib/{modules-load,sysusers}.d/netctl.conf /etc/netctl/netctld.json /var/lib/netctl
step group getent group netctl
step other-owners find $(dpkg -L netctl | grep netctl) -maxdepth 0 ! -user root
step useless find /usr/lib/netctl -name '*.ts' -o -name '*.map' -o -name typescript -o -name tap -o -name test
step verify systemd-analyze verify netctld.service
step security systemd-analyze security --offline=true --threshold=50 --no-pager netctld.service
# Sets of system calls may contain sets.
calls() { local name; for name; do case $name in @*) calls $(systemd-analyze syscall-filter "$name" | sed -n 's/^    \([^#]\)/\1/p') ;; *) echo "$name" ;; esac; done; }
step calls calls $(unit SystemCallFilter)
step wanted ls /etc/systemd/system/multi-user.target.wants /etc/systemd/system/docker.service.wants
step manual sh -c 'for page in netctl.1 netctld.8 netctld.json.5; do man --warnings --local-file /usr/share/man/man${page##*.}/$page.gz >/tmp/page || exit; grep -c . /tmp/page; done'
sudo useradd --create-home --groups netctl member; sudo useradd --create-home other
step start start
step member as member -- netctl tenant create blue
step other as other -- netctl version
step version as member -- netctl version
step commands suggest tenant in
step names suggest tenant inspect bl
dpkg-deb -R netctl.deb next; sed -i 's/^Version: .*/&+next/' next/DEBIAN/control; dpkg-deb --root-owner-group -Znone --build next next.deb >/dev/null
echo '{"address-rest": 61}' | sudo tee /etc/netctl/netctld.json >/dev/null
step upgrade sudo dpkg -i next.deb
step still as member -- netctl tenant ls -q
step stop stop
step restart start
step state as member -- netctl tenant ls -q
step configured cat /etc/netctl/netctld.json
stop >/dev/null
step remove sudo dpkg -r netctl
step removed sh -c 'ls -d /usr/lib/netctl /usr/bin/netctl /usr/share/man/man8/netctld.8.gz; sudo ls /var/lib/netctl /etc/netctl'
step purge sudo dpkg -P netctl
step purged sudo find / -xdev -name '*netctl*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/srv/*' -not -path '/run/*'
step group-gone getent group netctl
