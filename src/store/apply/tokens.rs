//! Tokens in a group of changes: users' tokens, tokens that nobody has yet, and what is remembered of their seeds. A seed is in one
//! place only (R16), and what is remembered of it outlives every place.

use super::{Stage, TOKEN, USER};
use crate::store::StoreError;
use crate::store::codec::Person;
use crate::store::records::{OtpParameters, SeedMark, SeedState, Token, TokenId, TokenStatus, Unassigned, UserId};
use crate::store::seeds::Seeds;

const UNASSIGNED: StoreError = StoreError::NotFound("unassigned token");

/// What a group does to what is remembered of a seed.
#[derive(Default)]
pub(super) struct Seed {
    /// Which token has it from now on, and whose that is, or was last.
    holder: Option<(Option<TokenId>, Option<UserId>)>,
    /// This step and those before it are spent.
    step: Option<u64>,
    /// What was learned of the token's clock is void.
    pub(super) level: bool,
    /// A counter moves its codes on from now on, or the time.
    counts: Option<bool>,
    /// Its counter is declared to begin here.
    pub(super) begins: Option<u32>,
    /// Where its counter is, two codes have told (R20).
    pub(super) fresh: bool,
}

impl Seed {
    /// Who holds a seed stands in the user's record; only what nobody holds needs one of its own, besides what is more than that.
    pub(super) fn needs_record(&self) -> bool {
        let counter = self.counts == Some(true) || self.begins.is_some() || self.fresh;
        matches!(self.holder, Some((None, _))) || self.step.is_some() || self.level || counter
    }

    /// What is remembered of the seed after the group.
    pub(super) fn after(&self, mut state: SeedState) -> SeedState {
        if let Some((token, user)) = self.holder {
            (state.token, state.user) = (token, user);
        }
        if let Some(counts) = self.counts {
            state = state.turned(counts);
        }
        state.last_step = state.last_step.max(self.step);
        state.begins = self.begins.unwrap_or(state.begins);
        state.stale &= !self.fresh;
        if self.level {
            state.drift = 0;
        }
        state
    }

    /// The same in memory, where a login may have spent a later step meanwhile.
    pub(super) fn show(&self, mark: SeedMark, seeds: &Seeds) {
        if let Some((token, user)) = self.holder {
            seeds.hold(mark, token, user);
        }
        if let Some(counts) = self.counts {
            seeds.turn(mark, counts);
        }
        if let Some(begins) = self.begins {
            seeds.begin(mark, begins);
        }
        if self.fresh {
            seeds.stale(mark, false);
        }
        if let Some(step) = self.step {
            let drift = seeds.get(mark).map(|state| state.drift).unwrap_or_default();
            seeds.raise(mark, step, drift);
        }
        if self.level {
            seeds.level(mark);
        }
    }
}

fn counts(parameters: OtpParameters) -> bool {
    matches!(parameters, OtpParameters::Hotp(_))
}

impl Stage<'_> {
    /// Whether a token that nobody has holds the seed, as the group leaves it so far.
    fn is_unassigned(&self, mark: SeedMark) -> bool {
        match self.unassigned.get(&mark) {
            Some(staged) => staged.is_some(),
            None => self.inner.index.read().drawer.holds(mark),
        }
    }

    /// Whether the seed may go to another place.
    fn free(&self, mark: SeedMark) -> Result<(), StoreError> {
        let staged = self.seeds.get(&mark).and_then(|seed| seed.holder);
        let held = staged.or_else(|| self.inner.seeds.get(mark).map(|state| (state.token, state.user)));
        match held {
            Some((Some(_), Some(user))) => Err(StoreError::SeedTaken { user }),
            _ if self.is_unassigned(mark) => Err(StoreError::SeedUnassigned),
            _ => Ok(()),
        }
    }

    /// The seed goes to this token, unless it is in another place.
    fn take_seed(&mut self, token: &Token) -> Result<(), StoreError> {
        self.free(token.mark)?;
        let seed = self.seeds.entry(token.mark).or_default();
        seed.holder = Some((Some(token.id), Some(token.user)));
        seed.counts = Some(counts(token.parameters));
        Ok(())
    }

    /// A counter token that would count waits for a resync where its counter may be behind (R20).
    fn hold_back(&self, token: &mut Token) {
        let fresh = self.seeds.get(&token.mark).is_some_and(|seed| seed.fresh);
        let stale = || self.inner.seeds.get(token.mark).is_some_and(|state| state.stale);
        if token.status == TokenStatus::Active && counts(token.parameters) && !fresh && stale() {
            token.status = TokenStatus::Resync;
        }
    }

    /// No token holds the seed any more; last step and last holder are kept (R16).
    fn leave_seed(&mut self, mark: SeedMark, user: UserId) {
        self.seeds.entry(mark).or_default().holder = Some((None, Some(user)));
    }

    /// The token goes.
    pub(super) fn let_go(&mut self, token: &Token) {
        self.leave_seed(token.mark, token.user);
        self.owners.insert(token.id, None);
        self.counters.tokens -= 1;
    }

    pub(super) fn raise_step(&mut self, mark: SeedMark, step: u64) {
        let seed = self.seeds.entry(mark).or_default();
        seed.step = seed.step.max(Some(step));
    }

    pub(super) fn add_token(&mut self, mut token: Token) -> Result<(), StoreError> {
        if token.user == UserId(0) {
            token.user = self.applied.users.last().copied().ok_or(USER)?;
        }
        self.person(token.user)?;
        token.id = TokenId(self.counters.token + 1);
        token.mark = self.inner.sealer.seed_mark(token.seed.expose());
        self.take_seed(&token)?;
        self.hold_back(&mut token);
        self.counters.token += 1;
        self.counters.tokens += 1;
        self.applied.tokens.push(token.id);
        self.owners.insert(token.id, Some(token.user));
        let person = self.person(token.user)?;
        person.user.generation += 1;
        person.tokens.push(token);
        Ok(())
    }

    pub(super) fn put_token(&mut self, mut token: Token) -> Result<(), StoreError> {
        let owner = self.owner(token.id)?;
        if owner != token.user {
            return Err(StoreError::OtherUser);
        }
        token.mark = self.inner.sealer.seed_mark(token.seed.expose());
        let find = |person: &Person| person.tokens.iter().position(|old| old.id == token.id).ok_or(TOKEN);
        let person = self.person(owner)?;
        let at = find(person)?;
        let old = person.tokens.get(at).ok_or(TOKEN)?.mark;
        if old != token.mark {
            self.take_seed(&token)?;
            self.leave_seed(old, owner);
        }
        self.hold_back(&mut token);
        let person = self.person(owner)?;
        person.user.generation += 1;
        *person.tokens.get_mut(at).ok_or(TOKEN)? = token;
        Ok(())
    }

    pub(super) fn remove_token(&mut self, id: TokenId) -> Result<(), StoreError> {
        let owner = self.owner(id)?;
        let person = self.person(owner)?;
        let at = person.tokens.iter().position(|token| token.id == id).ok_or(TOKEN)?;
        let token = person.tokens.remove(at);
        person.user.generation += 1;
        self.let_go(&token);
        Ok(())
    }

    pub(super) fn add_unassigned(&mut self, mut token: Unassigned) -> Result<(), StoreError> {
        token.mark = self.inner.sealer.seed_mark(token.seed.expose());
        self.free(token.mark)?;
        if counts(token.parameters) {
            let seed = self.seeds.entry(token.mark).or_default();
            seed.counts = Some(true);
            seed.begins = Some(u32::try_from(token.counter).unwrap_or(u32::MAX));
        }
        self.counters.unassigned += 1;
        self.unassigned.insert(token.mark, Some(token));
        Ok(())
    }

    pub(super) fn remove_unassigned(&mut self, mark: SeedMark) -> Result<(), StoreError> {
        if !self.is_unassigned(mark) {
            return Err(UNASSIGNED);
        }
        self.counters.unassigned -= 1;
        self.unassigned.insert(mark, None);
        Ok(())
    }
}
