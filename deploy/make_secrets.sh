#!/bin/sh
# Make the secrets that docker-compose.yml names, each in a file of its own; those that are there already stay as they are.
#
#     sh deploy/make_secrets.sh [FOLDER]        default: secrets/, beside docker-compose.yml
#
# Only this folder's owner can enter it. The files can be read by anybody, which is by the containers, where each is mounted alone.
set -eu
folder=${1:-$(dirname "$0")/../secrets}
mkdir -p -m 0700 "$folder"
cd "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

make() { # a file with what is on standard input
    if [ -s "$1" ]; then
        echo "kept: $1"
    else
        cat >"$1.part"
        chmod 0444 "$1.part"
        mv -f "$1.part" "$1"
        echo "made: $1"
    fi
}

random | make postgres_password
printf 'postgresql+psycopg://wingcheck:%s@database/wingcheck' "$(cat postgres_password)" | make wingcheck_database_url
random | make wingcheck_secret_key
random | make wingcheck_s3_secret_access_key
