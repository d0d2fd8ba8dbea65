//! Ejections told as stories: what happens at which second, and what then stands there. The base is ten seconds, without jitter.

use super::*;

fn plan() -> PassivePlan {
    PassivePlan {
        base_ejection: Duration::from_secs(10),
        max_ejection: Duration::from_secs(35),
        ejection_jitter: 0.0,
        ..PassivePlan::default()
    }
}

const fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(second)
}

/// At what second the n-th step of a story happens, and its word: `100:eject`.
fn tell(outlier: &mut Outlier, story: &str) -> bool {
    let mut changed = false;
    for step in story.split_whitespace() {
        let (second, word) = step.split_once(':').unwrap();
        let now = at(second.parse().unwrap());
        changed = match word {
            "eject" | "lies" => {
                outlier.eject(word == "lies", &plan(), now, &mut Rng::new(1));
                true
            }
            // Time passes for a backend with a readiness probe, or for one without.
            "probed" => outlier.advance(true, now),
            "unprobed" => outlier.advance(false, now),
            // A probe that started then has passed now: a second later.
            "pass" => outlier.probe_passed(now, now + Duration::from_secs(1)),
            "trial" => outlier.trial_passed(now),
            word => panic!("what is {word}?"),
        };
    }
    changed
}

/// "clear", "ejected from-until #nth", "trial from-until #nth patience".
fn shown(outlier: &Outlier) -> String {
    let of = |ejection: &Ejection| {
        format!("{}-{} #{}", ejection.since.0 / 1_000_000_000, ejection.until.0 / 1_000_000_000, ejection.nth)
    };
    match &outlier.state {
        EjectionState::Clear => "clear".to_owned(),
        EjectionState::Ejected(ejection) => format!("ejected {}", of(ejection)),
        EjectionState::Trial { ejection, patience } => {
            format!("trial {} until {}", of(ejection), patience.0 / 1_000_000_000)
        }
    }
}

/// A story, what stands there at its end, and whether its last step changed anything.
#[test]
fn an_ejection_ends_by_its_time_and_a_proof() {
    for (story, end, changed) in [
        ("", "clear", false),
        ("100:probed", "clear", false),
        ("100:unprobed", "clear", false),
        ("100:pass", "clear", false),
        ("100:trial", "clear", false),
        ("100:eject", "ejected 100-110 #1", true),
        // Before its time nothing ends it, a passing probe and a request that slipped through included.
        ("100:eject 109:probed", "ejected 100-110 #1", false),
        ("100:eject 109:unprobed", "ejected 100-110 #1", false),
        ("100:eject 109:pass", "ejected 100-110 #1", false),
        ("100:eject 109:trial", "ejected 100-110 #1", false),
        // A probe that started when its time was over does, and time alone does not.
        ("100:eject 110:probed", "ejected 100-110 #1", false),
        ("100:eject 500:probed", "ejected 100-110 #1", false),
        ("100:eject 110:pass", "clear", true),
        // Without a probe, or where readiness lies, a request decides.
        ("100:eject 110:unprobed", "trial 100-110 #1 until 120", true),
        ("100:lies 109:probed", "ejected 100-110 #1", false),
        ("100:lies 110:probed", "trial 100-110 #1 until 120", true),
        ("100:lies 110:pass", "ejected 100-110 #1", false),
        ("100:eject 110:unprobed 111:trial", "clear", true),
        // Seen late, its patience still counts from the end of the ejection.
        ("100:eject 115:unprobed", "trial 100-110 #1 until 120", true),
        // It lasts as long as the ejection did; after it, a probe decides, or time where there is none.
        ("100:lies 110:probed 119:pass", "trial 100-110 #1 until 120", false),
        ("100:lies 110:probed 120:pass", "clear", true),
        ("100:lies 110:probed 120:probed", "trial 100-110 #1 until 120", false),
        ("100:eject 110:unprobed 119:unprobed", "trial 100-110 #1 until 120", false),
        ("100:eject 110:unprobed 120:unprobed", "clear", true),
        // A trial that fails is the next ejection in the row.
        ("100:eject 110:unprobed 112:eject", "ejected 112-132 #2", true),
        ("100:eject 110:unprobed 112:eject 132:unprobed", "trial 112-132 #2 until 152", true),
    ] {
        let mut outlier = Outlier::default();
        assert_eq!(tell(&mut outlier, story), changed, "{story}");
        assert_eq!(shown(&outlier), end, "{story}");
    }
}

/// A story, and the last ejection of it.
#[test]
fn ejections_grow_in_a_row_and_are_forgiven_by_the_minute() {
    for (story, end) in [
        // 1, 2, 3 times the base, and then the maximum. Returns in between at once.
        ("100:eject 110:pass 111:eject", "ejected 111-131 #2"),
        ("100:eject 110:pass 111:eject 131:pass 132:eject", "ejected 132-162 #3"),
        ("100:eject 110:pass 111:eject 131:pass 132:eject 162:pass 163:eject", "ejected 163-198 #4"),
        ("100:eject 101:eject 102:eject 103:eject 104:eject", "ejected 104-139 #5"),
        // A whole minute since the return (at 111) forgives one step, and none below the first.
        ("100:eject 110:pass 170:eject", "ejected 170-190 #2"),
        ("100:eject 110:pass 171:eject", "ejected 171-181 #1"),
        ("100:eject 110:pass 900:eject", "ejected 900-910 #1"),
        ("100:eject 101:eject 102:eject 140:pass 200:eject", "ejected 200-235 #4"),
        ("100:eject 101:eject 102:eject 140:pass 201:eject", "ejected 201-231 #3"),
        ("100:eject 101:eject 102:eject 140:pass 260:eject", "ejected 260-290 #3"),
        ("100:eject 101:eject 102:eject 140:pass 261:eject", "ejected 261-281 #2"),
        // Time outside is no good behaviour, however long.
        ("100:eject 110:unprobed 900:eject", "ejected 900-920 #2"),
        ("100:eject 900:eject", "ejected 900-920 #2"),
        // A first ejection has nothing behind it, however late it comes.
        ("0:eject", "ejected 0-10 #1"),
        ("90000:eject", "ejected 90000-90010 #1"),
    ] {
        let mut outlier = Outlier::default();
        tell(&mut outlier, story);
        assert_eq!(shown(&outlier), end, "{story}");
    }
}

/// Base and maximum in milliseconds, the level before: how long the next ejection is.
#[test]
fn an_ejection_is_no_longer_than_the_maximum_allows() {
    for (base, max, level, length) in [
        (10_000, 300_000, 0, 10_000),
        (10_000, 300_000, 29, 300_000),
        (10_000, 300_000, 30, 300_000),
        (10_000, 300_000, u32::MAX, 300_000),
        (10_000, 5_000, 0, 5_000),
        (0, 300_000, 7, 0),
    ] {
        let plan = PassivePlan {
            base_ejection: Duration::from_millis(base),
            max_ejection: Duration::from_millis(max),
            ..plan()
        };
        // Out already, so that nothing is forgiven.
        let mut outlier = Outlier { level, ..Outlier::default() };
        outlier.state =
            EjectionState::Ejected(Ejection { since: at(1), until: at(2), nth: level, readiness_lies: false });
        let ejection = outlier.eject(false, &plan, at(100), &mut Rng::new(1));
        assert_eq!(ejection.length(), Duration::from_millis(length), "{base} × {level} within {max}");
        assert_eq!(ejection.nth, level.saturating_add(1));
    }
}

/// The jitter is around the length, the maximum included: a fleet that was ejected together does not come back together.
#[test]
fn ejections_of_a_fleet_end_at_different_times() {
    let plan = PassivePlan { ejection_jitter: 0.2, ..plan() };
    let (mut rng, mut lengths) = (Rng::new(1), Vec::new());
    for _ in 0..1000 {
        lengths.push(Outlier::default().eject(false, &plan, at(100), &mut rng).length());
    }
    let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
    assert!((Duration::from_secs(8)..Duration::from_millis(8_100)).contains(least), "{least:?}");
    assert!((Duration::from_millis(11_900)..=Duration::from_secs(12)).contains(most), "{most:?}");
}

/// When somebody must look again, and which ejection it is about.
#[test]
fn the_deadline_is_that_of_the_state() {
    for (story, deadline, nth) in [
        ("", None, None),
        ("100:eject", Some(110), Some(1)),
        ("100:eject 110:unprobed", Some(120), Some(1)),
        ("100:eject 110:unprobed 111:eject", Some(131), Some(2)),
        ("100:eject 110:pass", None, None),
    ] {
        let mut outlier = Outlier::default();
        tell(&mut outlier, story);
        assert_eq!(outlier.deadline(), deadline.map(at), "{story}");
        assert_eq!(outlier.ejection().map(|ejection| ejection.nth), nth, "{story}");
    }
}

/// A story; when another process takes it over, whose clock is 900 seconds ahead; what stands there.
#[test]
fn an_ejection_goes_on_in_another_process() {
    let ahead = Duration::from_secs(900);
    for (story, second, end) in [
        ("", 100, "clear"),
        ("100:eject", 100, "ejected 1000-1010 #1"),
        ("100:eject", 104, "ejected 1000-1010 #1"),
        ("100:eject 101:eject", 104, "ejected 1001-1021 #2"),
        // Its time is over, and nobody has looked: so it is for the next process, which does.
        ("100:eject", 110, "ejected 1000-1010 #1"),
        ("100:eject", 115, "ejected 1005-1015 #1"),
        ("100:eject 110:unprobed", 112, "trial 1002-1012 #1 until 1020"),
        ("100:eject 110:unprobed", 120, "trial 1010-1020 #1 until 1020"),
        ("100:eject 110:pass", 112, "clear"),
    ] {
        let mut outlier = Outlier::default();
        tell(&mut outlier, story);
        let taken_over = Outlier::import(outlier.export(at(second)), at(second) + ahead);
        assert_eq!(shown(&taken_over), end, "{story} {second}");
        assert_eq!(
            Outlier::import(outlier.export(at(second)), at(second)).export(at(second)),
            outlier.export(at(second))
        );
    }
}

/// It was ejected twice and came back at 141. Another process takes over at 150, and it fails there so many seconds after its return.
#[test]
fn good_behaviour_counts_across_processes() {
    for (after, nth) in [(59, 3), (60, 2), (119, 2), (120, 1), (900, 1)] {
        let mut outlier = Outlier::default();
        tell(&mut outlier, "100:eject 101:eject 140:pass");
        let mut taken_over = Outlier::import(outlier.export(at(150)), at(1_050));
        let ejection = taken_over.eject(false, &plan(), at(1_041 + after), &mut Rng::new(1));
        assert_eq!(ejection.nth, nth, "{after} s after its return");
    }
}

/// What is told late was true so much earlier.
#[test]
fn a_state_that_is_told_later_is_as_if_exported_then() {
    for story in ["", "100:eject", "100:lies", "100:eject 110:unprobed", "100:eject 101:eject 140:pass"] {
        let mut outlier = Outlier::default();
        tell(&mut outlier, story);
        for seconds in [0, 1, 10, 11, 30, 900] {
            let later = outlier.export(at(141)).later(Duration::from_secs(seconds));
            assert_eq!(later, outlier.export(at(141 + seconds)), "{story}, {seconds} s later");
            let early = outlier.export(at(104)).later(Duration::from_secs(seconds));
            if !story.contains("140") {
                assert_eq!(early, outlier.export(at(104 + seconds)), "{story}, {seconds} s later");
            }
        }
    }
}

/// What the other process knows against what this one knows: did traffic tell it something that this one has not seen?
#[test]
fn another_ejection_is_news_and_the_end_of_time_is_none() {
    for (theirs, own, second, news) in [
        ("", "", 104, false),
        ("100:eject", "", 104, true),
        ("", "100:eject", 104, true),
        ("100:eject", "100:eject", 104, false),
        ("100:eject 101:eject", "100:eject", 104, true),
        // The time of the ejection is over: one of them has seen that, the other not yet.
        ("100:eject", "100:eject 110:pass", 112, false),
        ("100:eject 110:unprobed", "100:eject", 112, false),
    ] {
        let [theirs, own] = [theirs, own].map(|story| {
            let mut outlier = Outlier::default();
            tell(&mut outlier, story);
            outlier
        });
        assert_eq!(theirs.export(at(second)).is_news_to(&own), news, "{theirs:?} against {own:?}");
    }
}
