//! What is compiled again, and what is not.

use super::{assemble::Objects, keeper::Source, mirror::Mirror, *};

#[test]
fn a_thousand_changes_of_one_policy_do_not_compile_the_others() {
    let mut world = World::default();
    for index in 0..200 {
        world.put(
            Source::ClusterPolicies,
            &named(&format!("other-{index}"), &good_spec()),
        );
    }
    world.put(Source::ClusterPolicies, &named("shop", &good_spec()));
    world.assemble();
    assert_eq!(world.assembler.compilations(), 201);
    for index in 0..1_000 {
        let mut spec = good_spec();
        spec["help"] = json!(format!("form {index}"));
        world.put(Source::ClusterPolicies, &named("shop", &spec));
        world.assemble();
    }
    assert_eq!(world.assembler.compilations(), 201 + 1_000);
}

#[test]
fn a_status_or_a_label_of_a_policy_compiles_at_most_that_policy() {
    let mut world = World::default();
    let mut object = named("shop", &good_spec());
    world.put(Source::ClusterPolicies, &object);
    world.put(Source::ClusterPolicies, &named("other", &good_spec()));
    let before = world.assemble();
    object["status"] = json!({ "images": { "matched": 1 } });
    object["metadata"]["resourceVersion"] = json!("9");
    world.put(Source::ClusterPolicies, &object);
    let after = world.assemble();
    assert_eq!(world.assembler.compilations(), 2);
    assert_eq!(contents(&before), contents(&after));
}

#[test]
fn only_the_policies_that_name_an_entry_are_compiled_when_it_changes() {
    let mut world = World::default();
    let keyed = json!({
        "match": { "images": ["registry.example/**"] },
        "authorities": [{ "name": "key", "key": { "configMapRef": { "name": "keys", "key": "cosign.pub" } } }],
    });
    world.put(Source::ClusterPolicies, &named("keyed", &keyed));
    world.put(Source::ClusterPolicies, &named("other", &good_spec()));
    let missing = world.assemble();
    let mut keys = config_map("keys");
    for (data, compilations) in [
        (json!({ "unrelated": "a" }), 3),
        (json!({ "unrelated": "b" }), 3),
        (json!({ "cosign.pub": KEY }), 4),
        (json!({ "cosign.pub": KEY, "unrelated": "c" }), 4),
    ] {
        keys["data"] = data;
        world.put(Source::ConfigMaps, &keys);
        world.assemble();
        assert_eq!(world.assembler.compilations(), compilations, "{keys}");
    }
    let loaded = world.assemble();
    assert_eq!(contents(&missing).len(), 1);
    assert_eq!(contents(&loaded).len(), 2);
}

#[test]
fn a_policy_that_comes_again_is_compiled_again() {
    let mut world = World::default();
    let object = named("shop", &good_spec());
    world.put(Source::ClusterPolicies, &object);
    world.assemble();
    world.delete(Source::ClusterPolicies, &object);
    assert_eq!(contents(&world.assemble()), [""; 0]);
    world.put(Source::ClusterPolicies, &object);
    assert_eq!(contents(&world.assemble()).len(), 1);
    assert_eq!(world.assembler.compilations(), 2);
}

#[tokio::test]
async fn a_burst_of_changes_is_published_together() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    for index in 0..1_000 {
        let mut spec = good_spec();
        spec["help"] = json!(format!("form {index}"));
        watches[0].changed(&policy(&spec));
    }
    settle().await;
    let snapshot = cluster.current().unwrap();
    let help: Vec<_> = snapshot
        .policies
        .iter()
        .map(|(_, state)| state.in_force().unwrap().help.clone())
        .collect();
    assert_eq!(help, [Some("form 999".to_owned())]);
    scenario.finish().await;
}

struct World {
    mirrors: BTreeMap<u8, Mirror>,
    assembler: Assembler,
}

impl Default for World {
    fn default() -> Self {
        let mirror = |source: Source| (source as u8, Mirror::new(source.resource()));
        let tuf_roots = TufRoots::new(Arc::new(SystemClock), None, TaskTracker::new());
        Self {
            mirrors: Source::ALL.map(mirror).into(),
            assembler: Assembler::new(
                "assay-system".to_owned(),
                ClusterModes::default(),
                tuf_roots,
            ),
        }
    }
}

impl World {
    fn put(&mut self, source: Source, object: &Value) {
        let object = serde_json::from_value(object.clone()).unwrap();
        self.mirror(source).apply(Event::Apply(object));
    }

    fn delete(&mut self, source: Source, object: &Value) {
        let object = serde_json::from_value(object.clone()).unwrap();
        self.mirror(source).apply(Event::Delete(object));
    }

    fn mirror(&mut self, source: Source) -> &mut Mirror {
        self.mirrors.get_mut(&(source as u8)).unwrap()
    }

    fn assemble(&mut self) -> Snapshot {
        let mirror = |source: Source| &self.mirrors[&(source as u8)];
        let objects = Objects {
            cluster_policies: mirror(Source::ClusterPolicies),
            policies: mirror(Source::Policies),
            trust_roots: mirror(Source::TrustRoots),
            secrets: mirror(Source::Secrets),
            config_maps: mirror(Source::ConfigMaps),
        };
        self.assembler.assemble(&objects)
    }
}

/// What verdicts are remembered by.
fn contents(snapshot: &Snapshot) -> Vec<String> {
    let states = snapshot.policies.iter();
    states
        .filter_map(|(_, state)| Some(state.in_force()?.content.clone()))
        .collect()
}

fn named(name: &str, spec: &Value) -> Value {
    let mut object = policy(spec);
    object["metadata"]["name"] = json!(name);
    object
}

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+hqFQ6JUm9lT34iqx+SuRIzzh0cc
w2iZSEB+pyAlPSF8sqz0dpnkheMd44jSquRfsKUwc7xgZEuRbPjS3V3fqQ==
-----END PUBLIC KEY-----
";
