# What is packaged, for the scripts beside this one: they are run in the project's directory, after the build.

VERSION=$(node -p 'require("./package.json").version')
COMMIT=${COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}
# The time of everything in the package: the same source makes the same package (reproducible-builds.org).
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}
export SOURCE_DATE_EPOCH

at_epoch() { date -u -d "@$SOURCE_DATE_EPOCH" "+$1"; }
