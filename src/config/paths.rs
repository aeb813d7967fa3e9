//! Where the configuration, the data and the state live, by the environment alone.

use std::path::PathBuf;

use super::{Lookup, variable};

/// The folders. `None` where the environment names no home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config_file: Option<PathBuf>,
    /// The folder of the session store.
    pub data_dir: Option<PathBuf>,
    /// The folder of logs and state.
    pub state_dir: Option<PathBuf>,
}

/// The folders that the environment names: chatui's own variables, the XDG ones, the usual places.
pub fn paths(env: Lookup<'_>) -> Paths {
    // The XDG specification has relative paths ignored.
    let xdg = |name, usual: &str| {
        variable(env, name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(PathBuf::from(variable(env, "HOME")?).join(usual)))
            .map(|path| path.join("chatui"))
    };
    let own = |name| variable(env, name).map(PathBuf::from);
    Paths {
        config_file: own("CHATUI_CONFIG_DIR")
            .or_else(|| xdg("XDG_CONFIG_HOME", ".config"))
            .map(|folder| folder.join("config.toml")),
        data_dir: own("CHATUI_DATA_DIR").or_else(|| xdg("XDG_DATA_HOME", ".local/share")),
        state_dir: xdg("XDG_STATE_HOME", ".local/state"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_names_the_folder() {
        let check = |vars: &[(&str, &str)], expected: [Option<&str>; 3]| {
            let env = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
            let paths = paths(&env);
            let found = [&paths.config_file, &paths.data_dir, &paths.state_dir];
            assert_eq!(found.map(|path| path.as_ref().and_then(|path| path.to_str())), expected, "{vars:?}");
        };
        check(
            &[("HOME", "/h")],
            [
                Some("/h/.config/chatui/config.toml"),
                Some("/h/.local/share/chatui"),
                Some("/h/.local/state/chatui"),
            ],
        );
        check(
            &[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s")],
            [Some("/c/chatui/config.toml"), Some("/d/chatui"), Some("/s/chatui")],
        );
        check(
            &[("XDG_CONFIG_HOME", "/c"), ("CHATUI_CONFIG_DIR", "cfg"), ("CHATUI_DATA_DIR", "/data")],
            [Some("cfg/config.toml"), Some("/data"), None],
        );
        check(
            &[("HOME", "/h"), ("XDG_CONFIG_HOME", "relative"), ("XDG_DATA_HOME", "")],
            [
                Some("/h/.config/chatui/config.toml"),
                Some("/h/.local/share/chatui"),
                Some("/h/.local/state/chatui"),
            ],
        );
        check(&[], [None, None, None]);
    }
}
