//! What a newcomer reads. Lines are as long as kubectl's own, so that a command in one can be copied.

use std::io::{self, Write};

use super::{
    kubectl::Verdict,
    scenes::{Before, Expected, Scene},
    stage::{FilesToTry, Stage},
};

/// Writes the demonstration down.
pub(super) struct Printer<'a> {
    out: &'a mut (dyn Write + Send),
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out }
    }

    pub(super) fn opening(&mut self, stage: &Stage) -> io::Result<()> {
        let host = stage.host();
        let out = &mut self.out;
        writeln!(
            out,
            "Assay lets an image into a cluster only when its signature proves who built it."
        )?;
        writeln!(
            out,
            "A registry, a private Sigstore and the webhook run in this process, on loopback.\n"
        )?;
        writeln!(out, "Policies:")?;
        for (name, images, demand) in [
            (
                "shop-release",
                "/shop/**",
                "signed by a tag pipeline of its GitLab project",
            ),
            (
                "platform-key",
                "/ops/**",
                "signed with the platform team's key",
            ),
            (
                "bank-builds",
                "/bank/**",
                "built on the group's runner from the commit that the tag names",
            ),
        ] {
            writeln!(
                out,
                "  {name:<12}  {:<28} {demand}",
                format!("{host}{images}")
            )?;
        }
        writeln!(out, "  (default)     {:<28} refused", "anything else")?;
        Ok(())
    }

    pub(super) fn scene(
        &mut self,
        number: usize,
        scene: &Scene,
        verdict: &Verdict,
    ) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(out, "\n{number}. {}", scene.title)?;
        match scene.before {
            Before::Nothing => {}
            Before::MoveTag => writeln!(out, "   (the tag is moved in the registry now)")?,
        }
        let file = scene.file();
        writeln!(out, "$ kubectl apply -f {file}")?;
        for (_, image) in &scene.images {
            writeln!(out, "  image: {image}")?;
        }
        match verdict {
            Verdict::Admitted { images } => {
                writeln!(out, "{} created", scene.object_name())?;
                images
                    .iter()
                    .try_for_each(|image| writeln!(out, "  runs:  {image}"))
            }
            Verdict::Refused {
                webhook, message, ..
            } => writeln!(
                out,
                "Error from server (Forbidden): error when creating \"{file}\": \
                 admission webhook \"{webhook}\" denied the request: {message}"
            ),
        }
    }

    pub(super) fn surprise(&mut self, scene: &Scene) -> io::Result<()> {
        let expected = match scene.expected {
            Expected::Admitted => "to be admitted".to_owned(),
            Expected::Refused(codes) => format!("to be refused with {}", codes.join(", ")),
        };
        writeln!(self.out, "!! this was expected {expected}")
    }

    pub(super) fn closing(
        &mut self,
        all: usize,
        admitted: usize,
        surprises: usize,
    ) -> io::Result<()> {
        let refused = all - admitted;
        let expected = match surprises {
            0 => "all as expected".to_owned(),
            1 => "1 verdict is not the expected one".to_owned(),
            _ => format!("{surprises} verdicts are not the expected ones"),
        };
        writeln!(
            self.out,
            "\n{all} requests: {admitted} admitted and pinned, {refused} refused; {expected}."
        )
    }

    pub(super) fn how_to_try(&mut self, stage: &Stage, files: &FilesToTry) -> io::Result<()> {
        let (certificate, review) = (files.certificate.display(), files.review.display());
        writeln!(self.out, "\nThe webhook stays up until Ctrl-C. Try it:\n")?;
        writeln!(
            self.out,
            "curl --cacert {certificate} -H 'content-type: application/json' --data-binary @{review} 'https://{}/validate?timeout=10s'",
            stage.webhook
        )?;
        self.out.flush()
    }
}
