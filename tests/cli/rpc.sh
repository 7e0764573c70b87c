#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hpo rpc: the protocol in the shell, a whole study from Python with nothing but json and subprocess.
. "$(dirname "$0")/harness.sh"

rpc() { # rpc LINE...
    printf '%s\n' "$@" | "$HPO" rpc >.out 2>.err
    rc=$?
    out=$(cat .out) err=$(cat .err)
}

rpc '{"jsonrpc":"2.0","id":1,"method":"version"}' '{"jsonrpc":"2.0","id":"a/b \u00e9","method":"version"}' \
    '{"jsonrpc":"2.0","id":null,"method":"version"}' '{"jsonrpc":"2.0","id":1.5,"method":"version"}' \
    '{"jsonrpc":"2.0","method":"version"}' ''
status 0 'ends with its input'
output 'ids come back as they were; a notification has no answer' <<'END'
{"jsonrpc":"2.0","result":{"version":"*"},"id":1}
{"jsonrpc":"2.0","result":{"version":"*"},"id":"a/b é"}
{"jsonrpc":"2.0","result":{"version":"*"},"id":null}
{"jsonrpc":"2.0","result":{"version":"*"},"id":1.5}
END
rpc '{"jsonrpc":"2.0","id":1,' '[]' '3' '{"id":1,"method":"version"}' '{"jsonrpc":"2.0","id":{},"method":"version"}' \
    '{"jsonrpc":"2.0","id":2}' '{"jsonrpc":"2.0","id":3,"method":"versoin"}' '{"jsonrpc":"2.0","id":4,"method":"ask","params":[1]}' \
    '{"jsonrpc":"2.0","id":5,"method":"ask","params":{"nn":1}}' '{"jsonrpc":"2.0","id":6,"method":"open","params":{"name":"x"}}' \
    '[1,{"jsonrpc":"2.0","id":7,"method":"version"},{"jsonrpc":"2.0","method":"version"}]' \
    '[{"jsonrpc":"2.0","method":"version"}]' $'\xff\xfe' '{"jsonrpc":"2.0","id":8,"method":"version"}'
output 'errors by the book, and the loop goes on' <<'END'
{"jsonrpc":"2.0","error":{"code":-32700,"message":"*"},"id":null}
{"jsonrpc":"2.0","error":{"code":-32600,"message":"*"},"id":null}
{"jsonrpc":"2.0","error":{"code":-32600,"message":"*"},"id":null}
{"jsonrpc":"2.0","error":{"code":-32600,"message":"*"},"id":1}
{"jsonrpc":"2.0","error":{"code":-32600,"message":"*"},"id":null}
{"jsonrpc":"2.0","error":{"code":-32600,"message":"*"},"id":2}
{"jsonrpc":"2.0","error":{"code":-32601,"message":"unknown method 'versoin': did you mean 'version'?"},"id":3}
{"jsonrpc":"2.0","error":{"code":-32602,"message":"*"*},"id":4}
{"jsonrpc":"2.0","error":{"code":-32602,"message":"*nn*"*},"id":5}
{"jsonrpc":"2.0","error":{"code":-32003,"message":"*"*"status":"ENOTFOUND"}},"id":6}
[{"jsonrpc":"2.0","error":{"code":-32600,*},"id":null},{"jsonrpc":"2.0","result":{"version":"*"},"id":7}]
{"jsonrpc":"2.0","error":{"code":-32700,"message":"*"},"id":null}
{"jsonrpc":"2.0","result":{"version":"*"},"id":8}
END
command -v python3 >/dev/null && {
    rm -f hpo.db
    python3 "$tests/rpc_client.py" "$HPO" >.out 2>.err
    rc=$? out=$(cat .out) err=$(cat .err)
    status 0 'a client in Python'
}
finish
