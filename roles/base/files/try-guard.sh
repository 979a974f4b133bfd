# Load the guard that was laid, for some seconds: what was in force before comes back by itself, and
# is the file again, unless somebody stops the timer over a new connection.
set -eu
before=/run/komando-guard.before
{
  printf 'table inet komando_base {\n}\ndelete table inet komando_base\n'
  if [ -s /run/komando-guard ]; then
    cat /run/komando-guard
  else
    printf 'table inet komando_base {\n}\n'
  fi
} >"$before"
systemctl stop komando-guard-back.timer 2>/dev/null || true # of a run that was cut off here
systemd-run --quiet --collect --unit=komando-guard-back \
  --on-active="$KOMANDO_WITHIN" --timer-property=AccuracySec=100ms \
  /bin/sh -c "cp $before /etc/komando-base/guard.nft && systemctl restart komando-guard.service"
systemctl restart komando-guard.service
