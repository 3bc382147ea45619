#!/usr/bin/env bash
# Print every contact of a list, one a line: the number, a tab, the first name.

set -euo pipefail

usage() {
  echo 'usage: curl.sh ACCOUNT_URL LIST_SID [PAGE_SIZE]'
  echo 'ACCOUNT_URL: https://<key>:<token>@<host>/v2/accounts/<account_sid>, or - to take it from DIALBOOK_URL'
  exit 2
} >&2

fail() {
  echo "curl.sh: $*" >&2
  exit 1
}

# Ask for one page; set `status` and `body`. The URL, which holds the token, goes to curl in a configuration read
# from a pipe, so that it does not show in the list of processes.
get_page() {
  local reply
  reply=$(curl --silent --show-error --globoff --connect-timeout 10 --max-time 60 --write-out '\n%{http_code}' \
    --config <(printf 'url = "%s/lists/%s/contacts?offset=%s&limit=%s"\n' "$account" "$list" "$1" "$limit")) || exit 1
  status=${reply##*$'\n'}
  body=${reply%$'\n'*}
}

[[ $# -eq 2 || $# -eq 3 ]] || usage
account=$1 list=$2 limit=${3:-500}
if [[ $account == - ]]; then account=${DIALBOOK_URL:-}; fi
account=${account%/}
[[ $account =~ ^https?://[^/@:]+:[^/@]+@[^/@]+/ ]] || usage

offset=0
while true; do
  get_page "$offset"
  if [[ $status != 2?? ]]; then
    error='.response.error_data | .message, .description | select(length > 0)'
    fail "HTTP $status$(jq -j "$error | \": \\(.)\"" <<<"$body" 2>/dev/null)"
  fi
  counts=$(jq -r '"\(.response | length) \(.metadata.total | tonumber)"' <<<"$body" 2>/dev/null) ||
    fail "HTTP $status, but not a page of contacts"
  read -r count total <<<"$counts"
  jq -r '.response[].data | [.number, .first_name // ""] | map(gsub("[\t\r\n]"; " ")) | join("\t")' <<<"$body"
  offset=$((offset + count))
  if ((count == 0 || offset >= total)); then break; fi
done
echo "$offset contacts" >&2
