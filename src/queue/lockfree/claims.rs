//! How callers and agents get hold of each other without a lock.
//!
//! ```text
//!   agent    Idle ---> Tentative(c) ---> Offered(c) ---> Talking(c)
//!              ^           |  |              |
//!              +-----------+  |              +-- refused, withdrawn --> Idle, Away, ...
//!            c is no longer   |
//!            to be had        v
//!   caller            Waiting ---> Offered(a) ---> Connected(a) ---> Free
//!                      ^ ^ ^           |
//!       Parked <-------+ | +-given back+--- left --> Free
//!          ^             v
//!          +-------- Changing(then) ---> Free
//! ```
//!
//! A match begins at the agent's word and is decided at the caller's. Whoever meets a tentative match finishes it,
//! so that a thread which stops in the middle keeps nobody waiting. Of all that may end an offer (acceptance,
//! refusal, being away, the caller's leaving) the caller's word lets exactly one succeed, and that one owns the
//! agent's next step. The others leave the agent alone, except where this very agent is to be away and whoever
//! ended the offer has not got round to the agent yet.
//!
//! An agent who may have several calls has the others on hold ([`holds`](super::holds)).
//!
//! What a caller asks for is changed by one thread at a time, while the word says so and nobody else reads it. Who
//! wants the caller to leave or to be parked meanwhile does not wait: it writes that into the word, and the thread
//! that changes carries it out.
//!
//! Nobody is forgotten because both sides publish themselves first (word, entry, fence) and search afterwards: of
//! two that become available at the same time at least one sees the other.

use super::sync::{AtomicU64, Ordering, fence, mutant};
use super::word::{AgentStep, AgentWord, CallerState, CallerWord, Then, later};

/// Where callers and agents stand: the words, the lists to search, and what is to be told.
pub(super) trait Hall {
    /// What is known of a caller beside the word. Read before a step is tried, and true if it succeeds: afterwards
    /// the cell may already be another's.
    type Facts: Copy;

    fn caller(&self, caller: u32) -> &AtomicU64;
    fn agent(&self, agent: u32) -> &AtomicU64;
    fn facts(&self, caller: u32) -> Self::Facts;

    /// How many callers on hold are connected with the agent still, this one left out.
    fn held(&self, agent: u32, but: Option<u32>) -> usize;
    /// Connected with the agent in a word of this epoch.
    fn list_held(&mut self, agent: u32, caller: u32, epoch: u32);

    /// The agent's place among the idle, for when an offer ends by no fault of the agent's: for a further caller, where
    /// others are on hold.
    fn place(&self, agent: u32) -> u64;
    fn remember_place(&mut self, agent: u32, place: u64);

    /// Puts the caller, who waits in this very word, where searches find it.
    fn list_caller(&mut self, caller: u32, word: CallerWord, facts: Self::Facts);
    fn list_agent(&mut self, agent: u32, word: AgentWord);
    fn unlist_agent(&mut self, agent: u32, word: AgentWord);

    /// After the fence: what was listed must not stay where nobody looks any more.
    fn confirm_caller(&mut self, _caller: u32, _word: CallerWord, _facts: Self::Facts) {}
    fn confirm_agent(&mut self, _agent: u32, _word: AgentWord) {}

    /// The waiting caller whom this idle agent should be offered, with the epoch of its word.
    fn first_caller(&mut self, agent: u32) -> Option<(u32, u32)>;
    /// The agent for this waiting caller: idle, or meant for somebody else by a match not yet finished.
    fn first_agent(&mut self, caller: u32, word: CallerWord) -> Option<u32>;

    /// The match is made: the caller, who waited in this word, stands in line no longer.
    fn taken(&mut self, caller: u32, word: CallerWord, facts: Self::Facts);
    /// The agent is to be rung; the word is the offer's.
    fn offered(&mut self, agent: u32, word: AgentWord, facts: Self::Facts);
    /// The agent stands idle again without anybody's order: search for it when the work in hand is done.
    fn search_later(&mut self, agent: u32);
    /// A place where tests stop a thread.
    fn pause(&mut self, _at: Step) {}
}

/// The places between two steps where a thread may be stopped for as long as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The agent is meant for a caller who does not know yet.
    Proposed,
    /// The caller is taken, the agent's word not confirmed.
    Taken,
    /// The caller waits, but stands in no line.
    CallerUnlisted,
    /// The agent is idle, but stands in no list.
    AgentUnlisted,
    /// The caller has accepted; the agent's word still says "offered".
    Accepted,
    /// The caller is given back; the agent's word still says "offered".
    GivenBack,
    /// What the caller asks for is being changed.
    Changing,
    /// A new topology is in force, and nobody has been moved to it.
    Reloading,
    /// The agent has refused: the pair is barred, and the caller's word does not say so yet.
    Barred,
    /// An operation has its floor, and has done nothing yet.
    Begun,
}

/// Makes a waiting caller findable. The word must be in place.
pub(super) fn publish_caller<H: Hall>(h: &mut H, caller: u32, word: CallerWord, facts: H::Facts) {
    h.pause(Step::CallerUnlisted);
    h.list_caller(caller, word, facts);
    if !mutant!(NoFence) {
        fence(Ordering::SeqCst);
    }
    h.confirm_caller(caller, word, facts);
}

/// Makes an idle agent findable. The word must be in place.
pub(super) fn publish_agent<H: Hall>(h: &mut H, agent: u32, word: AgentWord) {
    h.pause(Step::AgentUnlisted);
    h.list_agent(agent, word);
    if !mutant!(NoFence) {
        fence(Ordering::SeqCst);
    }
    h.confirm_agent(agent, word);
}

/// Offers the caller to the best agent there is, unless it has ceased to wait. The agent found takes whoever is
/// first for it, so that nobody is passed over; hence the loop.
pub(super) fn serve_caller<H: Hall>(h: &mut H, caller: u32) {
    loop {
        let word = CallerWord::load(h.caller(caller));
        if !matches!(word.state, CallerState::Waiting { .. }) {
            return;
        }
        let Some(agent) = h.first_agent(caller, word) else { return };
        let found = AgentWord::load(h.agent(agent));
        match found.state {
            AgentStep::Tentative { .. } => finish_match(h, agent, found),
            AgentStep::Idle { .. } => {
                let first = h.first_caller(agent).unwrap_or((caller, word.epoch));
                propose(h, agent, found, first);
            }
            _ => {}
        }
    }
}

/// Offers the idle agent its first caller. `false`: there is none, the agent stays idle.
pub(super) fn serve_agent<H: Hall>(h: &mut H, agent: u32) -> bool {
    loop {
        let word = AgentWord::load(h.agent(agent));
        match word.state {
            AgentStep::Tentative { .. } => finish_match(h, agent, word),
            AgentStep::Idle { .. } => match h.first_caller(agent) {
                None => return false,
                Some(first) => propose(h, agent, word, first),
            },
            _ => return true,
        }
    }
}

fn propose<H: Hall>(h: &mut H, agent: u32, idle: AgentWord, (caller, epoch): (u32, u32)) {
    let AgentStep::Idle { place } = idle.state else { return };
    let meant = idle.next(AgentStep::Tentative { caller, epoch });
    if idle.swap(h.agent(agent), meant) {
        h.remember_place(agent, place);
        h.pause(Step::Proposed);
        finish_match(h, agent, meant);
        h.unlist_agent(agent, idle);
    }
}

/// Carries a tentative match to its end, whoever began it.
pub(super) fn finish_match<H: Hall>(h: &mut H, agent: u32, meant: AgentWord) {
    let AgentStep::Tentative { caller, epoch } = meant.state else { return };
    let word = CallerWord::load(h.caller(caller));
    let facts = h.facts(caller);
    let mut matched = false;
    if let CallerState::Waiting { owner } = word.state
        && word.epoch == epoch
    {
        // This is the match.
        let offered = word.next(CallerState::Offered { agent, owned: owner.is_some() });
        matched = word.swap(h.caller(caller), offered);
        if matched {
            h.taken(caller, word, facts);
            h.pause(Step::Taken);
        }
    }
    if !matched {
        matched = has_offer(CallerWord::load(h.caller(caller)), agent, epoch);
    }
    if matched {
        let offer = meant.confirmed(caller, epoch);
        if meant.swap(h.agent(agent), offer) {
            h.offered(agent, offer, facts);
        }
        return;
    }
    let idle = meant.next(AgentStep::Idle { place: h.place(agent) });
    if meant.swap(h.agent(agent), idle) && !mutant!(NotListedAgain) {
        publish_agent(h, agent, idle);
        h.search_later(agent);
    }
}

/// Whether the caller is offered to this agent, in the offer made when its epoch was this.
fn has_offer(word: CallerWord, agent: u32, epoch: u32) -> bool {
    word.epoch == later(epoch, 1)
        && matches!(word.state, CallerState::Offered { agent: to, .. } if to == agent)
}

fn has_accepted(word: CallerWord, agent: u32, epoch: u32) -> bool {
    word.epoch == later(epoch, 2) && word.state == CallerState::Connected { agent }
}

/// The agent has this offer: who is it, and the caller's word. Finishes the match first where need be.
pub(super) fn standing_offer<H: Hall>(
    h: &mut H,
    agent: u32,
    offer: u32,
) -> Option<(AgentWord, u32, CallerWord)> {
    loop {
        let word = AgentWord::load(h.agent(agent));
        match word.state {
            _ if word.epoch != offer => return None,
            AgentStep::Tentative { .. } => finish_match(h, agent, word),
            AgentStep::Offered { caller, epoch } => {
                let theirs = CallerWord::load(h.caller(caller));
                return has_offer(theirs, agent, epoch).then_some((word, caller, theirs));
            }
            _ => return None,
        }
    }
}

/// The agent takes the caller. `false`: the offer has ended otherwise.
pub(super) fn accept<H: Hall>(
    h: &mut H,
    agent: u32,
    offer: AgentWord,
    caller: u32,
    theirs: CallerWord,
) -> bool {
    if !theirs.swap(h.caller(caller), theirs.next(CallerState::Connected { agent })) {
        if mutant!(LoserFrees) {
            let idle = offer.next(AgentStep::Idle { place: h.place(agent) });
            if offer.swap(h.agent(agent), idle) {
                publish_agent(h, agent, idle);
            }
        }
        return false;
    }
    h.pause(Step::Accepted);
    begin_talk(h, agent, offer, caller);
    true
}

/// Anybody may do it who finds an agent with an offer that its caller has accepted.
fn begin_talk<H: Hall>(h: &mut H, agent: u32, offer: AgentWord, caller: u32) {
    let talk = offer.next(AgentStep::Talking { caller: Some(caller), wish: 0 });
    let _ = offer.swap(h.agent(agent), talk);
}

/// Ends the offer for the caller, who goes to `next`. `true`: the agent's next step is ours.
pub(super) fn end_offer<H: Hall>(h: &mut H, caller: u32, theirs: CallerWord, next: CallerState) -> bool {
    if mutant!(RefusalByAgent) {
        return true;
    }
    let ours = theirs.swap(h.caller(caller), theirs.next(next));
    if ours {
        h.pause(Step::GivenBack);
    }
    ours
}

/// Takes the agent out of an offer that its caller has left, unless somebody was quicker. `None` too where the
/// agent never knew of the offer.
pub(super) fn take_back<H: Hall>(
    h: &mut H,
    agent: u32,
    caller: u32,
    epoch: u32,
    next: AgentStep,
) -> Option<AgentWord> {
    loop {
        let word = AgentWord::load(h.agent(agent));
        if word.state == (AgentStep::Tentative { caller, epoch }) {
            finish_match(h, agent, word);
        } else if word.state == (AgentStep::Offered { caller, epoch }) {
            if word.swap(h.agent(agent), word.next(next)) {
                return Some(word);
            }
        } else {
            return None;
        }
    }
}

/// Takes a waiting caller out of everybody's reach: until [`end_change`] what it asks for is this thread's. `false`:
/// it has not waited in this word any more.
pub(super) fn begin_change<H: Hall>(h: &mut H, caller: u32, word: CallerWord) -> bool {
    if !matches!(word.state, CallerState::Waiting { .. }) {
        return false;
    }
    let ours = word.swap(h.caller(caller), word.next(CallerState::Changing { then: Then::Waits }));
    if ours {
        h.pause(Step::Changing);
    }
    ours
}

/// The word of a caller whose change is complete: waiting, to be published; or what others wanted meanwhile.
pub(super) fn end_change<H: Hall>(h: &mut H, caller: u32, owner: Option<u32>) -> CallerWord {
    loop {
        let word = CallerWord::load(h.caller(caller));
        let CallerState::Changing { then } = word.state else { return word };
        let next = word.next(match then {
            Then::Leaves if mutant!(ChangeForgetsLeave) => CallerState::Waiting { owner },
            Then::Waits => CallerState::Waiting { owner },
            Then::Parks => CallerState::Parked,
            Then::Leaves => CallerState::Free,
        });
        if word.swap(h.caller(caller), next) {
            return next;
        }
    }
}

/// What stands in the way of a step of the agent's own (away, end of a call, another call).
pub(super) enum Found {
    /// In this state, which is neither tentative nor an offer.
    Settled(AgentWord),
    /// The phone rings for this caller.
    Ringing { offer: AgentWord, caller: u32, theirs: CallerWord },
    /// The offer has ended, and whoever ended it is about to move the agent.
    Ended(AgentWord),
}

/// Looks until nothing is half done.
pub(super) fn look<H: Hall>(h: &mut H, agent: u32) -> Found {
    loop {
        let word = AgentWord::load(h.agent(agent));
        match word.state {
            AgentStep::Tentative { .. } => finish_match(h, agent, word),
            AgentStep::Offered { caller, epoch } => {
                let theirs = CallerWord::load(h.caller(caller));
                if has_offer(theirs, agent, epoch) {
                    return Found::Ringing { offer: word, caller, theirs };
                }
                if has_accepted(theirs, agent, epoch) && !mutant!(EndIgnoresAcceptance) {
                    begin_talk(h, agent, word, caller);
                } else if AgentWord::load(h.agent(agent)) == word {
                    return Found::Ended(word);
                }
            }
            _ => return Found::Settled(word),
        }
    }
}
