/* Two clients, one key on each node: acquire, hold, expire, stop, release.
 *
 * The same transition system as our world in the scope `contended` of benches/src/scopes.rs
 * (joined, touch, fifo, no renewals, no drift, no faults), state by state and step by step. SPIN
 * must store as many states, and take as many transitions, as our search up to the origin of time.
 *
 *     spin -o2 -a redlock.pml && gcc -O2 -DSAFETY -o pan pan.c && ./pan -w24
 *
 * Without -o2 SPIN forgets variables that are written and never read, such as the observer's.
 *
 * Every moment is kept as what is left until it. What is left out is constant in this scope, or a
 * function of what is here:
 *
 * - while a lease is held, the next renewal: its distance from the end of belief is fixed, and no
 *   renewals are left, so it never comes due;
 * - the round's t0 and the nodes it asked: the time-out less NODE_TIMEOUT, and all of them;
 * - the nodes with a release under way: those with a RELEASE in the pipe;
 * - the observer's "believed" (the phase is HELD) and "releasing for" (RELEASE_WITHIN less what is
 *   left);
 * - generations and budgets: a client that is not IDLE has used its only start;
 * - connections, strays, pauses, and breaches, of which there are none.
 */

#ifndef NODES
#define NODES 3
#endif
#ifndef TTL
#define TTL 3
#endif
#ifndef NODE_TIMEOUT
#define NODE_TIMEOUT 2
#endif
#ifndef RELEASE_WITHIN
#define RELEASE_WITHIN 1
#endif
/* Which clients may stop by themselves. */
#ifndef STOPS_0
#define STOPS_0 1
#endif
#ifndef STOPS_1
#define STOPS_1 1
#endif
/* Whether client 0 has acquired at every node when all begins. */
#ifndef HELD_AT_START
#define HELD_AT_START 0
#endif

/* Sets of nodes are bits. */
#if NODES == 3
#define ALL_NODES 7
#define MAJORITY(set) ((set) == 3 || (set) >= 5)
#define NO_MAJORITY_LEFT(set) MAJORITY(set)
#else
#define ALL_NODES 3
#define MAJORITY(set) ((set) == 3)
#define NO_MAJORITY_LEFT(set) ((set) != 0)
#endif

/* Phases of a lease. Those from ACQUIRING to RELEASING have a deadline. */
#define IDLE      0
#define ACQUIRING 1
#define HELD      2
#define STOPPING  3
#define DRAINING  4
#define RELEASING 5
#define RELEASED  6
#define LOST      7

/* Messages, and what becomes of them when the node has run them. */
#define NONE             0
#define SET              1
#define RELEASE          2
#define SET_DONE         3
#define SET_FOREIGN      4
#define RELEASE_DONE     5
#define RELEASE_MISSING  6
#define RELEASE_FOREIGN  7

#define WAITS(message)    ((message) == SET || (message) == RELEASE)
#define ANSWERED(message) ((message) >= SET_DONE)

typedef Client {
    unsigned phase : 3;
    unsigned left : 3;         /* until the deadline of the phase; 0 if it has none */
    unsigned done : 3;         /* the round's answers, by node: stored */
    unsigned foreign : 3;      /* and: another value is there */
    unsigned pending : 3;      /* nodes with a SET that is not answered */
    unsigned owed : 3;         /* nodes that may store the value */
    unsigned released : 3;     /* observer: nodes where a release has run */
    unsigned saw_foreign : 1;  /* observer: another value was seen since the last report */
    unsigned interloped : 1    /* observer: somebody else believed when this lease was over */
}

Client client[2];

/* One pipe per client and node, in order of sending: at most a SET and a RELEASE. */
byte head[2 * NODES];
byte next[2 * NODES];

/* The key of each node: 0, or the client plus one; and its remaining life. */
byte key[NODES];
byte life[NODES];

#define HEAD(c, n) head[c * NODES + n]
#define NEXT(c, n) next[c * NODES + n]

#define BELIEVES(c) (client[c].phase == HELD && client[c].left > 0)
#define TIMED(c)    (client[c].phase >= ACQUIRING && client[c].phase <= RELEASING)
#define URGENT(c)   (TIMED(c) && client[c].left == 0)
#define UNTIL(c)    (client[c].left + TTL - NODE_TIMEOUT)

/* ---- the machine of client `c` ------------------------------------------------------------- */

/* A report to the user ends every round; debts stay. */
inline end(c, to) {
    client[c].phase = to;
    client[c].left = 0;
    client[c].done = 0;
    client[c].foreign = 0;
    client[c].interloped = 0
}

inline send_release(c, n) {
    if
    :: (client[c].owed & (1 << n)) && HEAD(c, n) == NONE -> HEAD(c, n) = RELEASE
    :: (client[c].owed & (1 << n)) && HEAD(c, n) != NONE -> NEXT(c, n) = RELEASE
    :: else
    fi
}

inline send_releases(c) {
    send_release(c, 0);
    send_release(c, 1)
#if NODES == 3
    ; send_release(c, 2)
#endif
}

/* Denied or lost: what may be stored is released, and nobody waits for it. */
inline give_up(c, to) {
    end(c, to);
    client[c].saw_foreign = 0;
    send_releases(c)
}

inline win(c) {
    client[c].left = UNTIL(c);
    client[c].phase = HELD;
    client[c].done = 0;
    client[c].foreign = 0;
    client[c].saw_foreign = 0;
    assert(!(BELIEVES(0) && BELIEVES(1)));
    observe()
}

/* While acquiring: a majority wins, if the lease is not over already. */
inline judge(c) {
    if
    :: client[c].phase == ACQUIRING && MAJORITY(client[c].done) && UNTIL(c) > 0 -> win(c)
    :: client[c].phase == ACQUIRING && MAJORITY(client[c].done) && UNTIL(c) <= 0 ->
        give_up(c, RELEASED)
    :: client[c].phase == ACQUIRING && NO_MAJORITY_LEFT(client[c].foreign) ->
        give_up(c, RELEASED)
    :: else
    fi
}

/* Whatever comes at the end of belief finds the lease lost first. */
inline expire(c) {
    if
    :: client[c].phase == HELD && client[c].left == 0 -> give_up(c, LOST)
    :: else
    fi
}

inline settle(c) {
    if
    :: client[c].phase == DRAINING && client[c].pending == 0 -> client[c].phase = RELEASING
    :: else
    fi;
    if
    :: client[c].phase == RELEASING && client[c].owed == 0 ->
        end(c, RELEASED);
        client[c].saw_foreign = 0
    :: else
    fi
}

inline begin_release(c) {
    end(c, DRAINING);
    client[c].left = RELEASE_WITHIN;
    send_releases(c);
    settle(c)
}

/* ---- steps --------------------------------------------------------------------------------- */

/* Client 0 acquires at every node, and nothing else happens. It is one state and one transition
 * more, before those of our world. */
inline set_up() {
    client[0].phase = HELD;
    client[0].left = TTL;
    client[0].owed = ALL_NODES;
    key[0] = 1;
    key[1] = 1;
    life[0] = TTL;
    life[1] = TTL
#if NODES == 3
    ; key[2] = 1;
    life[2] = TTL
#endif
}

inline start(c) {
    client[c].phase = ACQUIRING;
    client[c].left = NODE_TIMEOUT;
    client[c].pending = ALL_NODES;
    client[c].owed = ALL_NODES;
    HEAD(c, 0) = SET;
    HEAD(c, 1) = SET
#if NODES == 3
    ; HEAD(c, 2) = SET
#endif
}

inline stop(c) {
    if
    :: client[c].left == 0 -> give_up(c, LOST)
    :: else -> end(c, STOPPING)
    fi
}

inline tick(c) {
    if
    :: client[c].phase == ACQUIRING -> give_up(c, RELEASED)
    :: client[c].phase == HELD -> give_up(c, LOST)
    :: client[c].phase == STOPPING -> begin_release(c)
    :: else ->
        end(c, RELEASED);
        client[c].saw_foreign = 0
    fi
}

inline run_set(c, n, message) {
    if
    :: key[n] == 0 ->
        key[n] = c + 1;
        life[n] = TTL;
        message = SET_DONE
    :: else -> message = SET_FOREIGN
    fi
}

inline run_release(c, n, message) {
    client[c].released = client[c].released | (1 << n);
    if
    :: key[n] == c + 1 ->
        key[n] = 0;
        life[n] = 0;
        message = RELEASE_DONE
    :: key[n] == 0 -> message = RELEASE_MISSING
    :: else -> message = RELEASE_FOREIGN
    fi
}

/* The node runs the first message that it has not run: one connection, in order. */
inline execute(c, n) {
    if
    :: HEAD(c, n) == SET -> run_set(c, n, HEAD(c, n))
    :: HEAD(c, n) == RELEASE -> run_release(c, n, HEAD(c, n))
    :: else -> run_release(c, n, NEXT(c, n))
    fi
}

inline hear_set(c, n, stored) {
    client[c].pending = client[c].pending & (ALL_NODES - (1 << n));
    if
    :: stored -> client[c].done = client[c].done | (1 << n)
    :: else ->
        client[c].owed = client[c].owed & (ALL_NODES - (1 << n));
        client[c].foreign = client[c].foreign | (1 << n)
    fi;
    if
    :: client[c].phase == ACQUIRING -> judge(c)
    :: else ->
        client[c].done = 0;
        client[c].foreign = 0;
        settle(c)
    fi
}

inline hear_release(c, n) {
    client[c].owed = client[c].owed & (ALL_NODES - (1 << n));
    settle(c)
}

/* The first answer reaches the client. */
inline reply(c, n) {
    answer = HEAD(c, n);
    HEAD(c, n) = NEXT(c, n);
    NEXT(c, n) = NONE;
    if
    :: answer == SET_FOREIGN || answer == RELEASE_FOREIGN -> client[c].saw_foreign = 1
    :: else
    fi;
    expire(c);
    if
    :: answer == SET_DONE || answer == SET_FOREIGN -> hear_set(c, n, answer == SET_DONE)
    :: else -> hear_release(c, n)
    fi
}

inline pass_client(c) {
    if
    :: TIMED(c) -> client[c].left = client[c].left - 1
    :: else
    fi
}

inline pass_node(n) {
    if
    :: life[n] == 1 ->
        life[n] = 0;
        key[n] = 0
    :: life[n] > 1 -> life[n] = life[n] - 1
    :: else
    fi
}

inline advance() {
    pass_node(0);
    pass_node(1);
#if NODES == 3
    pass_node(2);
#endif
    pass_client(0);
    pass_client(1);
    observe()
}

/* Whether somebody believes while the other, whose lease is over, has not noticed yet. */
inline observe() {
    if
    :: client[0].phase == HELD && client[0].left == 0 && BELIEVES(1) -> client[0].interloped = 1
    :: client[1].phase == HELD && client[1].left == 0 && BELIEVES(0) -> client[1].interloped = 1
    :: else
    fi
}

/* Scratch within one step; not part of the state. */
hidden byte answer;

#define CLIENT_STEPS(c, stops) \
    :: d_step { client[c].phase == IDLE -> start(c) } \
    :: d_step { stops && client[c].phase == HELD -> stop(c) } \
    :: d_step { URGENT(c) -> tick(c) }

#define MESSAGE_STEPS(c, n) \
    :: d_step { WAITS(HEAD(c, n)) || WAITS(NEXT(c, n)) -> execute(c, n) } \
    :: d_step { ANSWERED(HEAD(c, n)) -> reply(c, n) }

active proctype world() {
#if HELD_AT_START
    d_step { set_up() };
#endif
    do
    CLIENT_STEPS(0, STOPS_0)
    CLIENT_STEPS(1, STOPS_1)
    MESSAGE_STEPS(0, 0)
    MESSAGE_STEPS(0, 1)
    MESSAGE_STEPS(1, 0)
    MESSAGE_STEPS(1, 1)
#if NODES == 3
    MESSAGE_STEPS(0, 2)
    MESSAGE_STEPS(1, 2)
#endif
    :: d_step { !URGENT(0) && !URGENT(1) -> advance() }
    od
}
