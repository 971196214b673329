%% Members for tests, and functions that wait.
-module(probe).
-export([start/1, heard/2, count/2, await/2, alive/0, flood/3, many/2]).

%% A member that keeps the messages it receives.
start(Channels) ->
    Self = self(),
    Pid = spawn(fun() ->
        [nova_pubsub:join(Channel) || Channel <- Channels],
        Self ! {ready, self()},
        loop([])
    end),
    receive {ready, Pid} -> Pid end.

loop(Heard) ->
    receive
        {nova_pubsub, Channel, _, Topic, Payload} ->
            %% As handlers in articles on Nova do.
            loop([{Channel, list_to_binary(Topic), Payload} | Heard]);
        {heard, From} -> From ! {self(), lists:reverse(Heard)}, loop(Heard);
        {count, From} -> From ! {self(), length(Heard)}, loop(Heard)
    end.

%% The messages that a member has received, once there are this many.
heard(Pid, Count) ->
    ok = count(Pid, Count),
    Pid ! {heard, self()},
    receive {Pid, Heard} -> Heard end.

count(Pid, Count) ->
    until(fun() -> Pid ! {count, self()}, receive {Pid, N} -> N >= Count end end).

%% Waits until the group has this many members.
await(Group, Count) ->
    until(fun() -> length(nova_pubsub:get_members(Group)) =:= Count end).

until(Holds) -> until(Holds, 1000).

until(_, 0) -> timeout;
until(Holds, Left) ->
    case Holds() of
        true -> ok;
        false -> timer:sleep(10), until(Holds, Left - 1)
    end.

%% Whether the scope answers.
alive() -> is_map(element(2, sys:get_state(nova_scope))) orelse is_pid(whereis(nova_scope)).

flood(Channel, Count, Payload) ->
    [nova_pubsub:broadcast(Channel, "flood", Payload#{<<"n">> => N}) || N <- lists:seq(1, Count)],
    ok.

%% Starts this many idle members.
many(Channel, Count) ->
    Pids = [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Count)],
    ok = pg:join(nova_scope, Channel, Pids).
