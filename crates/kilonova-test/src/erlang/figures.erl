%% The two sides of the benchmark: a writer with a bounded number of messages in transit, and its
%% reader. The reader confirms batches on `comments`.
-module(figures).
-export([sink/1, stop/1, stream/3, echo/0, echoes/2]).

%% A member of `posts` that confirms each batch, and each greeting.
sink(Batch) -> member(fun() -> sink(0, Batch) end).

sink(Batch, Batch) -> confirm(null), sink(0, Batch);
sink(Count, Batch) ->
    receive
        {nova_pubsub, _, _, "hello", _} -> confirm(null), sink(Count, Batch);
        {nova_pubsub, _, _, _, _} -> sink(Count + 1, Batch);
        stop -> ok
    end.

confirm(Payload) -> nova_pubsub:broadcast(comments, "ack", Payload).

stop(Pid) ->
    Ref = monitor(process, Pid),
    Pid ! stop,
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% Sends batches, at most two in transit at a time. Returns the microseconds until the last one is
%% confirmed.
stream(Batches, Batch, Payload) ->
    nova_pubsub:join(comments),
    greet(),
    Begun = erlang:monotonic_time(microsecond),
    stream(Batches, Batch, Payload, 0),
    Time = erlang:monotonic_time(microsecond) - Begun,
    nova_pubsub:leave(comments),
    Time.

stream(0, _, _, 0) -> ok;
stream(Left, Batch, Payload, Open) when Left > 0, Open < 2 ->
    [nova_pubsub:broadcast(posts, "t", Payload) || _ <- lists:seq(1, Batch)],
    stream(Left - 1, Batch, Payload, Open + 1);
stream(Left, Batch, Payload, Open) ->
    receive {nova_pubsub, comments, _, _, _} -> stream(Left, Batch, Payload, Open - 1) end.

%% Waits until the reader knows this process.
greet() -> greet(100).

greet(0) -> error(nobody_answers);
greet(Left) ->
    nova_pubsub:broadcast(posts, "hello", null),
    receive {nova_pubsub, comments, _, _, _} -> settle()
    after 200 -> greet(Left - 1)
    end.

settle() -> receive {nova_pubsub, comments, _, _, _} -> settle() after 300 -> ok end.

%% A member of `posts` that answers each message on `comments`.
echo() -> member(fun echo_loop/0).

echo_loop() ->
    receive
        {nova_pubsub, _, _, _, Payload} -> confirm(Payload), echo_loop();
        stop -> ok
    end.

%% The times in microseconds from a message on `posts` to its answer, sorted.
echoes(Count, Payload) ->
    nova_pubsub:join(comments),
    greet(),
    Times = [begin
        Begun = erlang:monotonic_time(microsecond),
        nova_pubsub:broadcast(posts, "t", Payload),
        receive {nova_pubsub, comments, _, _, _} -> ok end,
        erlang:monotonic_time(microsecond) - Begun
    end || _ <- lists:seq(1, Count)],
    nova_pubsub:leave(comments),
    lists:sort(Times).

member(Loop) ->
    Self = self(),
    Pid = spawn(fun() ->
        nova_pubsub:join(posts),
        Self ! {ready, self()},
        Loop()
    end),
    receive {ready, Pid} -> Pid end.
