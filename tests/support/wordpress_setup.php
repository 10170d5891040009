<?php
// What the tests ask of a real WordPress from the command line: php wordpress_setup.php ROOT COMMAND '{…}'
list( , $root, $command, $given ) = $argv;
$given = json_decode( $given, true );

$_SERVER['HTTP_HOST'] = '127.0.0.1';
if ( 'install' === $command ) {
	define( 'WP_INSTALLING', true );
}
require "$root/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

const PLUGIN = 'igrajdanin-widget/igrajdanin-widget.php';

switch ( $command ) {
	case 'install':
		wp_install( 'Зареченск', 'chief', 'chief@gorod.test', true, '', $given['password'], 'ru_RU' );
		wp_insert_user( array( 'user_login' => 'editor', 'user_email' => 'editor@gorod.test', 'user_pass' => $given['password'], 'role' => 'editor' ) );
		update_option( 'active_plugins', array( PLUGIN ) );
		$told = true;
		break;
	case 'page': // its address
		$told = get_permalink( wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Страница', 'post_content' => $given['content'] ) ) );
		break;
	case 'content': // of the newest page
		$told = get_posts( array( 'post_type' => 'page', 'numberposts' => 1 ) )[0]->post_content;
		break;
	case 'option':
		$told = get_option( 'igrajdanin_widget' );
		break;
	case 'uninstall': // what is left of the settings; then everything is as before, for the tests to come
		$kept = get_option( 'igrajdanin_widget' );
		deactivate_plugins( PLUGIN );
		uninstall_plugin( PLUGIN );
		$told = get_option( 'igrajdanin_widget' );
		update_option( 'igrajdanin_widget', $kept );
		update_option( 'active_plugins', array( PLUGIN ) );
}
echo "\n", json_encode( $told );
