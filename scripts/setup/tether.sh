# How a child is tied to the process that starts it (see tether.mjs). Called as
#   sh tether.sh STOP_SIGNAL GRACE_TENTHS FOLDER COMMAND [ARGUMENT...]
# by a new process group's leader, with fd 3 a pipe whose other end only the starting process holds.
#
# A watchdog stays behind in the group, and this shell *becomes* the command: pid, exit code, signals, stdin and
# terminal are the command's own, with nobody in between. However the starting process ends, kill -9 included, the
# pipe ends; then the command gets its stop signal (and is woken, should it be stopped) and the grace time, and after
# that the whole group goes, and the private FOLDER with it, if one is named.
#
# A line on fd 3 tells the starting process that from now on a signal reaches the command: until then signals are
# ignored, or one that came a moment too early would end the watchdog, or get lost in the shell.
signal=$1 tenths=$2 folder=$3
shift 3
trap '' HUP INT QUIT TERM
(
  # A line instead of the end says that the command ended while the starting process lives: the folder is still its own.
  if read -r _ <&3; then folder=; fi
  kill -s "$signal" $$
  kill -s CONT $$
  # Dead is also who is dead and only not buried yet: the first process of many containers never does that.
  while [ "$tenths" -gt 0 ] && kill -0 $$ && ! grep -q '^State:.Z' /proc/$$/status; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -s KILL $$
  kill -s TERM -- -$$
  [ -z "$folder" ] || rm -rf -- "$folder"
  sleep 1
  kill -s KILL -- -$$
) </dev/null >/dev/null 2>&1 &
trap - HUP INT QUIT TERM
echo underway >&3
exec 3>&-
exec "$@"
