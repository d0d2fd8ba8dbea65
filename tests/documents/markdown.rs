//! What stands in a document? Its fenced blocks and its tables, as far as the tests look at them.

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// `file:line` of its fence.
    pub place: String,
    /// The first word behind the fence.
    pub language: String,
    /// The words after it.
    pub option: String,
    pub text: String,
}

impl Block {
    /// The file that the reader is told to save it as: its first line is `# name.ext`.
    pub fn file_name(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        let (stem, extension) = name.split_once('.')?;
        let word =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_');
        (word(stem) && word(extension)).then_some(name)
    }
}

/// The fenced blocks of a document, in order.
pub fn blocks(document: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let (language, option) = info.split_once(' ').unwrap_or((info, ""));
                open = Some(Block {
                    place: format!("{document}:{}", index + 1),
                    language: language.to_owned(),
                    option: option.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{document}: a fence is not closed");
    found
}

/// The tables of a document whose first column is headed `head`, rows only, cells trimmed.
pub fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            inside &= line.starts_with("|--");
            continue;
        };
        let cells: Vec<String> = cells.split(" | ").map(|cell| cell.trim().to_owned()).collect();
        match inside {
            true => rows.push(cells),
            false => inside = cells.first().is_some_and(|cell| cell == head),
        }
    }
    rows
}

/// What a cell says without its backticks.
pub fn bare(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[test]
fn a_block_knows_its_language_option_and_file() {
    let found = blocks("d.md", "text\n\n```yaml upstream\n# my.yaml\na: 1\n```\n```sh\n# in a clone\n```\n");
    assert_eq!((&*found[0].language, &*found[0].option, &*found[0].place), ("yaml", "upstream", "d.md:3"));
    assert_eq!(found[0].file_name(), Some("my.yaml"));
    assert_eq!((&*found[1].language, found[1].file_name()), ("sh", None));
}

#[test]
fn rows_are_those_of_the_table_asked_for() {
    let text = "| a | b |\n|---|---|\n| `x` | 1 |\n\n| c | d |\n|---|---|\n| `y` | 2 |\n";
    assert_eq!(rows(text, "c"), [["`y`", "2"]]);
    assert_eq!(bare("`y`"), "y");
}
