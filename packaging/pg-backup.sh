#!/bin/sh
# Backs up the PostgreSQL database of a site with pg_dump. See docs/backup.md.
#
#   PGHOST=… PGUSER=… PGDATABASE=… pg-backup.sh FILE
#
# libpq finds the server and the password: in PG* variables, ~/.pgpass, or a service file. A URL in
# the arguments of pg_dump would show its password to every user of the machine.
set -eu
umask 077

fail() {
    echo "pg-backup.sh: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "expected one argument, the new file for the backup"
file=$1
[ ! -e "$file" ] && [ ! -L "$file" ] || fail "$file exists; choose another name"

# Removed unless the backup is complete.
part=$file.partial-$$
trap 'rm -f -- "$part"' EXIT
trap 'exit 1' HUP INT TERM

pg_dump --no-password --format=custom --no-owner --no-acl --file="$part"
# The table of contents is at the end of the file: a truncated file has none.
pg_restore --list -- "$part" >/dev/null
sync -- "$part"
# Unlike mv, ln never overwrites.
ln -- "$part" "$file"
echo "backed up to $file"
