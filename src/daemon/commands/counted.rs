//! What was refused, dropped or lost, by reason: for the status.

/// A block for each kind, an empty row above it; what never happened is left out.
pub fn rows(exchange: &[(String, u64)], shell: &[(String, u64)]) -> Vec<[String; 2]> {
    let kind_of = |name: &str| {
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        name.get(..end).unwrap_or(name).to_owned()
    };
    let mut kinds: Vec<(String, Vec<[String; 2]>)> = Vec::new();
    for (name, count) in exchange.iter().chain(shell).filter(|(_, count)| *count > 0) {
        let (kind, row) = (kind_of(name), [name.clone(), count.to_string()]);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, rows)) => rows.push(row),
            None => kinds.push((kind, vec![row])),
        }
    }
    let blank = || [String::new(), String::new()];
    kinds.into_iter().flat_map(|(_, rows)| std::iter::once(blank()).chain(rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn reasons_of_one_kind_stand_together_and_what_never_happened_does_not_stand_at_all() {
        let own =
            |list: &[(&str, u64)]| -> Vec<_> { list.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect() };
        let exchange =
            own(&[("refused: draining", 2), ("sip too large", 1), ("refused: a", 3), ("sip merged", 0)]);
        let shown: Vec<_> =
            rows(&exchange, &own(&[("tcp_idle", 4)])).into_iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            shown,
            [" ", "refused: draining 2", "refused: a 3", " ", "sip too large 1", " ", "tcp_idle 4"]
        );
    }
}
