//! The parts of a timestamp that its signature covers, and the signature.

use cms::{content_info::ContentInfo, signed_data::SignedData};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};

use super::{Changes, flipped_at};

/// Each octet of the content, of the signed attributes and of the signature.
pub(super) fn changes(response: &[u8]) -> Changes<Vec<u8>> {
    signed_parts(response)
        .unwrap_or_default()
        .iter()
        .filter_map(|part| {
            let start = response
                .windows(part.len())
                .position(|window| window == part.as_slice())?;
            Some(flipped_at(response, start..start + part.len()))
        })
        .flatten()
        .collect()
}

fn signed_parts(response: &[u8]) -> Result<Vec<Vec<u8>>, der::Error> {
    let mut reader = SliceReader::new(response)?;
    let token = reader.sequence(|fields| {
        // The status.
        fields.tlv_bytes()?;
        fields.tlv_bytes()
    })?;
    let signed: SignedData = ContentInfo::from_der(token)?.content.decode_as()?;
    let mut parts = Vec::new();
    if let Some(content) = &signed.encap_content_info.econtent {
        parts.push(content.value().to_vec());
    }
    for signer in signed.signer_infos.0.iter() {
        parts.push(signer.signature.as_bytes().to_vec());
        for attribute in signer
            .signed_attrs
            .iter()
            .flat_map(|attributes| attributes.iter())
        {
            parts.push(attribute.to_der()?);
        }
    }
    Ok(parts)
}
