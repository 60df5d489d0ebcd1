# What `wxmock exec` runs: says where the mock is, then runs each line it reads in a shell of its own, so that variables a
# line takes away are back for the next one.
echo "$WXMOCK_URL $WXMOCK_APPID $WXMOCK_SECRET"
while read -r line; do
  (eval "$line") </dev/null
  echo "ended $?"
done
