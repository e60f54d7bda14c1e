//! How long a first review takes when the registry is far away, beside what its round trips alone would take.

use std::time::{Duration, Instant};

use assay::sandbox::registry::{Referrers, RegistrySettings};

use crate::{
    arguments::Arguments,
    budget::{Line, Verdict},
    client::is_admission,
    measure::{Spread, short},
    plot::{Plot, Series},
    program::Threads,
    report::{Section, Table},
    reviews::{Webhook, pod_request},
    world::{Signed, World},
};

/// A way in which an image is found, and how many requests one after another that takes.
struct Case {
    name: &'static str,
    signed: Signed,
    referrers: Referrers,
    deep: [u32; 2],
}

pub(crate) async fn run(arguments: &Arguments) -> Section {
    let mut section = Section::new("Cold latency");
    section.text(
        "A Pod with one image, posted over a TLS connection that stands already, to a replica that has been started for it and has never \
         asked the registry anything; then a Pod with an image of another repository. Each answer of the registry is delayed. \
         *Ratio*: the time, by that of the round trips that depend on each other and nothing else. Median (least–most) of the runs.",
    );
    let mut table = Table::new(["image", "round trips", "delay", "time in ms", "ratio"]);
    let mut plot = Plot::new("Cold review", "delay of the registry in ms", "time in ms");
    for case in CASES {
        let mut series = [
            Series::new(case.name),
            Series::new(&format!("{}, next image", case.name)),
        ];
        for delay in arguments.size.pick(&[0, 20, 50, 100][..], &[0, 20]) {
            let took = case.samples(arguments, *delay).await;
            for (index, took) in took.iter().enumerate() {
                let spread = Spread::of(took).times(1e3);
                let alone = f64::from(case.deep[index] * delay);
                let ratio = if *delay == 0 {
                    "–".to_owned()
                } else {
                    short(spread.median / alone)
                };
                let name = if index == 0 {
                    case.name.to_owned()
                } else {
                    format!("{}, next image", case.name)
                };
                let round_trips = case.deep[index].to_string();
                table.row([
                    &name,
                    &round_trips,
                    &format!("{delay} ms"),
                    &spread.text(),
                    &ratio,
                ]);
                series[index].point(f64::from(*delay), spread.median);
            }
        }
        plot.series(series);
    }
    section.table(table);
    section.plot("cold", plot);
    eleven(arguments, &mut section).await;
    section
}

impl Case {
    /// How long the first and the next image took, in seconds, run by run.
    async fn samples(&self, arguments: &Arguments, delay: u32) -> [Vec<f64>; 2] {
        let settings = RegistrySettings {
            referrers: self.referrers,
            ..RegistrySettings::default()
        };
        let world = World::with_tokens(settings, &self.signed.repositories(2)).await;
        let requests = [0, 1].map(|number| {
            let (image, _) = world.push(&self.signed.repository(number), self.signed);
            pod_request(Webhook::Mutate, &[image])
        });
        world
            .registry
            .set_delay(Duration::from_millis(delay.into()));
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..arguments.size.pick(9, 1) {
            let replica = world.replica(&arguments.program, Threads::All).await;
            let mut connection = replica.endpoint.connect().await;
            for (request, took) in requests.iter().zip(&mut took) {
                let began = Instant::now();
                let answer = connection.send(request).await;
                assert!(is_admission(answer), "{answer}");
                took.push(began.elapsed().as_secs_f64());
            }
        }
        took
    }
}

/// A Pod of one new image beside a Pod of eleven.
async fn eleven(arguments: &Arguments, section: &mut Section) {
    let signed = Signed::Keys(1);
    let settings = RegistrySettings {
        referrers: Referrers::FallbackTag,
        ..RegistrySettings::default()
    };
    let world = World::with_tokens(settings, &signed.repositories(11)).await;
    let images = signed.repositories(11);
    let images: Vec<String> = images
        .iter()
        .map(|repository| world.push(repository, signed).0)
        .collect();
    world.registry.set_delay(Duration::from_millis(50));
    let mut ratios = Vec::new();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..arguments.size.pick(9, 1) {
        for (images, times) in [&images[..1], &images[..]].into_iter().zip(&mut times) {
            let replica = world.replica(&arguments.program, Threads::All).await;
            let mut connection = replica.endpoint.connect().await;
            let request = pod_request(Webhook::Mutate, images);
            let began = Instant::now();
            let answer = connection.send(&request).await;
            assert!(is_admission(answer), "{answer}");
            times.push(began.elapsed().as_secs_f64());
        }
        ratios.push(times[1].last().unwrap() / times[0].last().unwrap());
    }
    let ratio = Spread::of(&ratios);
    let [one, all] = times.map(|times| Spread::of(&times).times(1e3).text());
    section.text(&format!(
        "A Pod of eleven different new images, 50 ms away: {all} ms; a Pod of one: {one} ms; ratio {}.",
        ratio.text()
    ));
    section.lines.push(Line {
        place: 5,
        what: "a Pod of eleven different new images",
        budget: "the time of one, plus a half",
        measured: format!("{} times that of one", ratio.text()),
        verdict: Verdict::at_most(ratio.median, 1.5),
        held_by: "measured; its requests by `eleven_new_images_are_no_deeper_than_one`",
    });
}

const CASES: [Case; 3] = [
    Case {
        name: "key, `.sig` tag",
        signed: Signed::Keys(1),
        referrers: Referrers::FallbackTag,
        deep: [5, 4],
    },
    Case {
        name: "pipeline, bundle by referrers API",
        signed: Signed::Pipeline,
        referrers: Referrers::Api,
        deep: [6, 5],
    },
    Case {
        name: "pipeline, bundle by fallback tag",
        signed: Signed::Pipeline,
        referrers: Referrers::FallbackTag,
        deep: [6, 5],
    },
];
